#!/usr/bin/env bash
# Makes the offline bundle: wheels of everything, checksums, and a script that installs without a registry.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf bundle
mkdir -p bundle/wheels bundle/sslyze-wheels
.venv/bin/python -m pip download -q --disable-pip-version-check --require-hashes -r requirements/run.txt -d bundle/wheels
.venv/bin/python -m pip download -q --disable-pip-version-check --require-hashes -r requirements/sslyze.txt \
  -d bundle/sslyze-wheels
cp dist/*.whl bundle/wheels/
cp requirements/run.txt requirements/sslyze.txt README.md LICENSE bundle/
cp tools/install-offline.sh bundle/install.sh
(cd bundle && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
version=$(.venv/bin/python -c 'import dengbao; print(dengbao.__version__)')
tar -C . -czf "dist/dengbao-$version-offline.tar.gz" bundle
ls -l "dist/dengbao-$version-offline.tar.gz"
