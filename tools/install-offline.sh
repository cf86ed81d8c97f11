#!/usr/bin/env bash
# Installs dengbao from this folder alone: no registry is asked. Usage: ./install.sh [folder]
set -euo pipefail
cd "$(dirname "$0")"
target=${1:-$HOME/dengbao}
sha256sum --quiet -c SHA256SUMS || { echo "校验和不符，安装包可能已损坏或被改动" >&2; exit 4; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更高版本" >&2; exit 2; }
mkdir -p "$target"
python3 -m venv "$target/venv"
"$target/venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --find-links wheels \
  -r run.txt
"$target/venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps wheels/dengbao-*.whl
for engine in sslyze schemathesis; do
  python3 -m venv "$target/venv/engines/$engine"
  "$target/venv/engines/$engine/bin/python" -m pip install -q --disable-pip-version-check --no-index \
    --find-links "$engine-wheels" -r "$engine.txt"
done
for engine in nmap soffice pdftotext; do
  command -v "$engine" >/dev/null || echo "提示：未找到 $engine，相关检测项将为“无法判定”或目录无页码" >&2
done
echo "已安装：$target/venv/bin/dengbao"
