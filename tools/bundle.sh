#!/usr/bin/env bash
# Makes the offline bundle: wheels of everything, checksums, and a script that installs without a registry.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf bundle
mkdir -p bundle/wheels bundle/sslyze-wheels bundle/schemathesis-wheels
# Everything becomes a wheel here, with the locked hashes checked; what is built here (python-nmap has no
# wheel of its own) has no hash in the lock, so the bundle is held together by SHA256SUMS instead.
gather() { # lock file, folder
  .venv/bin/python -m pip wheel -q --disable-pip-version-check --require-hashes -r "requirements/$1.txt" -w "bundle/$2"
  sed -nE 's/^([A-Za-z0-9_.-]+==[^ ;]+)( ;[^\\]*)? *\\?$/\1\2/p' "requirements/$1.txt" >"bundle/$1.txt"
}
gather run wheels
gather sslyze sslyze-wheels
gather schemathesis schemathesis-wheels
cp dist/*.whl bundle/wheels/
cp README.md LICENSE bundle/
cp tools/install-offline.sh bundle/install.sh
(cd bundle && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
version=$(.venv/bin/python -c 'import dengbao; print(dengbao.__version__)')
tar -C . -czf "dist/dengbao-$version-offline.tar.gz" bundle
ls -l "dist/dengbao-$version-offline.tar.gz"
