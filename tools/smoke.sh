#!/usr/bin/env bash
# Installs the built wheel in a clean environment outside the repository and uses it there.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
"$room/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps dist/*.whl
cd "$room"
for archive in "$here"/dist/*; do
  case $archive in
  *.whl) names=$(python3 -m zipfile -l "$archive") ;;
  *) names=$(tar -tf "$archive") ;;
  esac
  if grep -E 'EV-[0-9]|(^|/)evidence/(README|sample)' <<<"$names"; then
    echo "安装包中不得有 evidence/：$archive" >&2
    exit 1
  fi
done
"$room/venv/bin/dengbao" --version
"$room/venv/bin/dengbao" suite list
"$room/venv/bin/dengbao" check list --format json >checks.json
"$room/venv/bin/dengbao" init my-hospital
"$room/venv/bin/dengbao" plan my-hospital >plan.txt
"$room/venv/bin/dengbao" collect-script linux
"$room/venv/bin/dengbao" collect-script windows
grep -q '^section packages' collect-linux.sh
DENGBAO_SSLYZE=$here/.engines/sslyze/bin/python "$room/venv/bin/dengbao" demo demo-out
ls demo-out
echo "安装包冒烟测试通过"
