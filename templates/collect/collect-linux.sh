#!/bin/sh
# 等保联调测评：在 Linux 主机上采集配置，写成一个文件，供不允许 SSH 登录时带回。
# 只读取，不修改任何配置，不联网；除结果文件外不写任何文件。口令散列在写出前已替换。
# 用法（以 root 运行）：sh collect-linux.sh [-o 结果文件]
#
# Wraps the collector that also runs over SSH: it stands below the last line of this part, word for word,
# and `dengbao collect-script linux` puts the two together, so that both ways bring the same facts.
# POSIX sh; works with dash, bash and busybox ash. The shell feeds the lower part to a fresh shell from
# this file itself: a here-document would make some shells write a temporary file.
VERSION=1.0
BODY='# ==== collector ===='

fail() {
  printf '错误：%s\n' "$1" >&2
  printf '  处理：%s\n' "$2" >&2
  exit 1
}

out=
while [ $# -gt 0 ]; do
  case $1 in
    -o) [ $# -ge 2 ] || fail "-o 后面缺少文件名" "写成 -o 结果.txt"; out=$2; shift 2 ;;
    -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
    *) fail "不认识的参数 $1" "用法：sh collect-linux.sh [-o 结果文件]" ;;
  esac
done

[ "$(uname -s)" = Linux ] || fail "本脚本只用于 Linux" "Windows 用 collect-windows.ps1"
[ -f "$0" ] && [ -r "$0" ] || fail "读不到脚本文件本身" "存成文件后运行：sh collect-linux.sh"
if ! sed "1,/^$BODY\$/d" "$0" | grep -q '^section '; then
  fail "本文件不完整，没有采集部分" "在安装了 dengbao 的电脑上运行：dengbao collect-script linux"
fi
if command -v sha256sum >/dev/null 2>&1; then digest() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then digest() { shasum -a 256; }
elif command -v openssl >/dev/null 2>&1; then digest() { openssl dgst -sha256 -r; }
else fail "没有 sha256sum、shasum 或 openssl，无法计算校验值" "该主机改由人工核查"; fi

nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
[ ${#nonce} -eq 32 ] || fail "无法取得随机数" "检查 /dev/urandom 与 od"
host=$(uname -n | tr -cd 'A-Za-z0-9._-')
begun=$(date +%Y-%m-%dT%H:%M:%S%z | sed 's/\(..\)$/:\1/')
out=${out:-dengbao-${host:-host}-$(date +%Y%m%d-%H%M%S).txt}
if [ "$(id -u)" != 0 ]; then privilege=user
elif [ -n "${SUDO_UID:-}" ]; then privilege=sudo
else privilege=root; fi

umask 077
# An existing file is never written over.
set -C
(: >"$out") 2>/dev/null || fail "无法新建结果文件 $out" "换一个可写的目录，或用 -o 指定尚不存在的文件"
set +C
trap 'rm -f "$out"; echo "已中断，结果文件已删除。" >&2; exit 130' HUP INT TERM

echo "正在读取本机配置（只读，不修改任何设置，不联网），约需一分钟……" >&2
[ $privilege = user ] && echo "注意：不是 root，看不到的部分将记为“无法判定”。" >&2
{
  printf 'dengbao-collect 1\nplatform: linux\ncollector: collect-linux.sh %s\n' "$VERSION"
  printf 'host: %s\nbegun: %s\nprivilege: %s\nnonce: %s\n\n' "${host:-unknown}" "$begun" "$privilege" "$nonce"
  # An empty environment, as a login without a terminal has: what this shell was told must not be taken
  # for what every person gets.
  { printf 'set -- %s\n' "$nonce"; sed "1,/^$BODY\$/d" "$0"; } |
    env -i PATH="$PATH" HOME="${HOME:-/}" sh -s 2>/dev/null
} >>"$out" || fail "写入 $out 失败" "检查磁盘空间"
tail -n 1 "$out" | grep -q "^$nonce done\$" || fail "采集没有完成，$out 不可用" "重新运行；仍不行的改由人工核查"
sum=$(digest <"$out" | cut -c 1-64)
[ ${#sum} -eq 64 ] || fail "校验值没有算出" "重新运行"
printf 'sha256: %s\n' "$sum" >>"$out" || fail "写入 $out 失败" "检查磁盘空间"
trap - HUP INT TERM

case $out in /*) path=$out ;; *) path=$(pwd)/$out ;; esac
{
  echo "采集完成。结果文件（含配置信息，请妥善保管，用后删除）："
  echo "  FILE   $path"
  echo "  SHA256 $(digest <"$out" | cut -c 1-64)"
  echo "带回后登记：dengbao evidence import-facts 项目目录 文件 --asset 测评对象 --by 姓名/单位"
} >&2
exit 0
# ==== collector ====
