# Reads what the host facts need and changes nothing: no file is written, no service asked to act.
# Usage: { echo "set -- NONCE"; cat collect.sh; } | sh -s     POSIX sh; works with dash, bash and busybox ash.
# The nonce comes in with the script and goes to no program as an argument, where other users would see it.
#
# Every section is framed by lines that carry the nonce, so that text of the host cannot pass for a frame:
#   NONCE begin NAME MAX / body of at most MAX+1 bytes / NONCE end NAME / stderr, NONCE rc N / NONCE close NAME
# A body longer than MAX was cut. A section without its close line was cut off on the way.
# Password hashes, comments of accounts and values of audit records are removed here, before they leave the host.
N=$1
LC_ALL=C
LANG=C
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
unset ENV BASH_ENV CDPATH GREP_OPTIONS
cd / # so that neither `.` nor an empty entry of PATH leads to programs of the account
export N LC_ALL LANG PATH
umask 0177 # no person sets this: a login shell that shows it has not set its own
exec 3>&1

if timeout -k 1 1 true 2>/dev/null; then
  bounded() { timeout -k 1 "$@"; }
elif timeout 1 true 2>/dev/null; then
  bounded() { timeout "$@"; }
elif timeout -t 1 true 2>/dev/null; then
  bounded() { timeout -t "$@"; }
else
  bounded() { shift; "$@"; }
fi

# Functions that bodies use. Bodies stand in single quotes, so they must not contain one.
PRELUDE='
have() { command -v "$1" >/dev/null 2>&1; }
# Put the nonce, and a word if there is one, before each line.
say() {
  if have awk; then W=${1:+$1 } awk "{ print ENVIRON[\"N\"] \" \" ENVIRON[\"W\"] \$0 }"
  else while IFS= read -r line || [ -n "$line" ]; do printf "%s %s\n" "$N" "${1:+$1 }$line"; done; fi
}
# A program that is there and may not be run by this account is not a missing one: status 5, not 3.
closed() { [ "$(id -u)" = 0 ] || { [ ! -e "/usr/sbin/$1" ] && [ ! -e "/sbin/$1" ]; } || exit 5; return 1; }
# Can the folder of a missing path be searched? If not, "missing" would be a guess.
reachable() {
  p=${1%/*}
  while [ -n "$p" ] && [ ! -d "$p" ]; do p=${p%/*}; done
  [ -z "$p" ] || [ -x "$p" ]
}
# Frame one file; the rest of the arguments is the filter its text passes through.
text() {
  f=$1; shift
  if [ -f "$f" ]; then
    if [ -r "$f" ]; then
      printf "\n%s file ok %s\n" "$N" "$f"
      { "$@" <"$f" || printf "\n%s broken\n" "$N"; }
      printf "\n%s eof\n" "$N"
    else
      printf "\n%s file denied %s\n" "$N" "$f"
    fi
  elif [ -e "$f" ]; then
    printf "\n%s file special %s\n" "$N" "$f"
  elif reachable "$f"; then
    printf "\n%s file absent %s\n" "$N" "$f"
  else
    printf "\n%s file denied %s\n" "$N" "$f"
  fi
}
# No secret that a configuration file holds leaves the host.
show() {
  for one; do
    text "$one" sed -e "s/\([Ss]ecret *= *\)[^ ]*/\1?/g" -e "s/\([Pp]ass[a-z]* *= *\)[^ ]*/\1?/g" \
      -e "s/\([Bb]indpw *[= ] *\)[^ ]*/\1?/g"
  done
}
pick() { grep -nE "$@" | grep -viE "pass(word|wd)? *=|pwd *=|secret|token|mysql|pgsql" || [ $? -eq 1 ]; }
# Frame a folder, then each of its files that matches the pattern.
folder() {
  d=$1; shift
  if [ -d "$d" ]; then
    if [ -r "$d" ] && [ -x "$d" ]; then
      printf "\n%s dir ok %s\n" "$N" "$d"
      for pattern; do for one in "$d"/$pattern; do [ -f "$one" ] && show "$one"; done; done
    else
      printf "\n%s dir denied %s\n" "$N" "$d"
    fi
  elif reachable "$d/x"; then
    printf "\n%s dir absent %s\n" "$N" "$d"
  else
    printf "\n%s dir denied %s\n" "$N" "$d"
  fi
}
rights() {
  for one; do
    if [ -e "$one" ]; then stat -L -c "ok %a %U %G %s %Y %n" "$one" || echo "denied $one"
    elif reachable "$one"; then echo "absent $one"
    else echo "denied $one"; fi
  done
}
seconds() { [ -e "$1" ] && stat -L -c "%Y" "$1" || echo ""; }
'

section() { # NAME SECONDS MAX BODY
  printf '\n%s begin %s %s\n' "$N" "$1" "$3"
  err=$({
    {
      bounded "$2" sh -c "$PRELUDE$4" </dev/null 3>&-
      echo "$N rc $?" >&2
    } | head -c "$(($3 + 1))" >&3
  } 2>&1 | tail -c 2000)
  printf '\n%s end %s\n%s\n%s close %s\n' "$N" "$1" "$err" "$N" "$1"
}

# The slow sections run beside the others. What they say waits in the pipe, so that frames never mix.
{
exec 3>&1

section updates 30 1048576 '
echo "$N clock $(date +%s)"
if have apt-get && [ -s /var/lib/dpkg/status ]; then
  newest=0
  for one in /var/lib/apt/lists/*_Packages* /var/lib/apt/lists/*InRelease; do
    at=$(seconds "$one"); [ "${at:-0}" -gt "$newest" ] && newest=$at
  done
  echo "$N index $newest"
  for one in /var/lib/apt/lists/*[Ss]ecurity*Packages*; do
    [ -e "$one" ] && echo "$N security $(seconds "$one")"
  done
  echo "$N changed $(seconds /var/lib/dpkg/status)"
  apt-get -s -q --ignore-hold -o Debug::NoLocking=true -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= dist-upgrade
  echo "$N simulated $?"
elif have rpm; then
  # Advisories that dnf or yum fetched earlier; asking them would write. Only those for what is installed.
  names=$(rpm -qa --qf "%{NAME} ")
  [ -n "$names" ] || exit 0
  for one in /var/cache/dnf/*/repodata/*updateinfo.xml* /var/cache/yum/*/*/*/*updateinfo.xml*; do
    [ -f "$one" ] || continue
    case "$one" in
      *.gz) open=zcat ;; *.xz) open=xzcat ;; *.zst) open=zstdcat ;; *.bz2) open=bzcat ;; *.xml) open=cat ;; *) open=none ;;
    esac
    have $open && [ -r "$one" ] || { echo "$N unreadable $one"; continue; }
    $open <"$one" | awk -v RS="\076" -v names="$names" "
      BEGIN { n = ENVIRON[\"N\"]; c = split(names, list, \" \"); for (i = 1; i <= c; i++) installed[list[i]] = 1 }
      function of(name) { return match(\$0, \" \" name \"=.[^\\\"]*\") ? substr(\$0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : \"\" }
      /<update[ \t\n]/ { security = of(\"type\") == \"security\" }
      /<\/update/ { security = 0 }
      /<\/updates/ { whole = 1 }
      END { if (!whole) print n, \"unreadable\", \"cut\" }
      /<package[ \t\n]/ { if (security && installed[of(\"name\")]) print n, \"advisory\", of(\"name\"), of(\"epoch\") + 0, of(\"version\"), of(\"release\") }"
    echo "$N advised $(stat -c %Z "$one")"
  done | sort -u
fi
exit 0
'

section sshd_options 10 262144 '
have sshd || exit 3
sshd -V 2>&1 | grep -m 1 -o "OpenSSH_[^ ,]*" | say version
sshd -T 2>/dev/null || sshd -T -C user=root,host=localhost,addr=127.0.0.1
'

section packages 20 2097152 '
if have dpkg-query && [ -s /var/lib/dpkg/status ]; then
  echo "$N manager dpkg"
  dpkg-query -W -f="\${db:Status-Abbrev} \${Package} \${Version} \${source:Package} \${source:Version}\n"
elif have rpm; then
  echo "$N manager rpm"
  rpm -qa --qf "ii %{NAME} %{VERSION}-%{RELEASE} %{INSTALLTIME} %{EPOCHNUM} %{SOURCERPM}\n"
elif have apk; then
  echo "$N manager apk"
  apk info -v 2>/dev/null | sed "s/^\(.*\)-\([0-9][^-]*-r[0-9]*\)$/ii \1 \2/"
fi
'

# Only what is already on the disk: apt simulates with its caches kept in memory; dnf would write, so it is not asked.

section pam 10 1048576 '
folder /etc/pam.d "*"
folder /usr/lib/pam.d "*"
show /etc/pam.conf /etc/security/pwquality.conf /etc/security/faillock.conf
folder /etc/security/pwquality.conf.d "*.conf"
'

section mac 10 262144 '
if [ -r /sys/fs/selinux/enforce ]; then echo "$N selinux $(cat /sys/fs/selinux/enforce)"
elif [ -d /sys/kernel ]; then echo "$N selinux disabled"; fi
[ -r /sys/module/apparmor/parameters/enabled ] && echo "$N apparmor $(cat /sys/module/apparmor/parameters/enabled)"
[ -d /sys/kernel ] && [ ! -e /sys/module/apparmor ] && echo "$N apparmor N"
[ -r /sys/kernel/security/apparmor/profiles ] && say profile </sys/kernel/security/apparmor/profiles
have getstatus && getstatus | say kysec
show /etc/selinux/config
echo
for one in /etc/passwd /etc/shadow /etc/group /etc/sudoers /etc/ssh/sshd_config /var/log/audit /usr/sbin/sshd; do
  label=$(stat -L -c "%C" "$one" 2>/dev/null) && echo "$N label $label $one"
done
for one in sshd auditd systemd; do
  for p in /proc/[0-9]*; do
    read -r name <"$p/comm" || continue
    [ "$name" = "$one" ] || continue
    label=$(tr -d "\000" <"$p/attr/current") && echo "$N label ${label:-?} process:$one"
  done 2>/dev/null | sort -u
done
exit 0
'

section firewall 15 1048576 '
if [ -d /sys/module/nf_tables ] || grep -q "^nf_tables " /proc/modules 2>/dev/null ||
  grep -q "/nf_tables.ko" "/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null; then
  echo "$N loaded nft"
  if have nft; then nft list ruleset | say nft; else echo "$N tool none"; fi
fi
for v in "" 6; do
  if [ -e "/proc/net/ip${v}_tables_names" ]; then
    if [ ! -r "/proc/net/ip${v}_tables_names" ]; then echo "$N denied"
    elif grep -q filter "/proc/net/ip${v}_tables_names"; then
      echo "$N loaded ip${v}tables"
      legacy=ip${v}tables-legacy-save; have "$legacy" || legacy=ip${v}tables-save
      if have "$legacy"; then "$legacy" -t filter | say "ip$v"; else echo "$N tool none"; fi
    fi
  fi
done
[ -d /sys/module ] || echo "$N blind"
sed -n "s/^ *\([^ :]*\):.*/\1/p" /proc/net/dev | while read -r one; do
  read -r state <"/sys/class/net/$one/operstate" || state=unknown
  [ "$state" = down ] || echo "$N interface $one"
done 2>/dev/null
[ -r /proc/net/if_inet6 ] && echo "$N global6 $(grep -c " 00 [0-9a-f]* *[^ ]*$" /proc/net/if_inet6)"
echo "$N uid $(id -u)"
exit 0
'

section listening 10 1048576 '
for one in tcp tcp6; do text "/proc/net/$one" sed -n -E "/^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ 0A /p"; done
for one in udp udp6; do text "/proc/net/$one" sed -n -E "/^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ 0+:0000 07 /p"; done
'

# Who listens: the executable behind each listening socket, its unit, its label, and the package that owns it.
section programs 20 524288 '
inodes=$(cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null |
  sed -n -E "s/^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ (0A|07) ([^ ]+ +){5}([0-9]+) .*/\3/p" | tr "\n" " ")
pids=$(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v want="$inodes" "
  BEGIN { n = split(want, list, \" \"); for (i = 1; i <= n; i++) listens[list[i]] = 1 }
  /^\/proc\// { split(\$0, part, \"/\"); pid = part[3] }
  match(\$0, /socket:.[0-9]+/) { if (listens[substr(\$0, RSTART + 8, RLENGTH - 8)] && !seen[pid]++) print pid }")
files=
for pid in $pids; do
  exe=$(readlink "/proc/$pid/exe") || continue
  echo "$N program $pid $exe"
  unit=$(sed -n -E "s/.*\/([^/]*\.(service|scope|socket))(\/.*)?$/\1/p" "/proc/$pid/cgroup" | tail -n 1)
  [ -n "$unit" ] && echo "$N unit $pid $unit"
  label=$(tr -d "\000\n" <"/proc/$pid/attr/current" 2>/dev/null) && [ -n "$label" ] && echo "$N label $pid $label"
  exe=${exe% (deleted)}
  case "$exe" in *" "*) ;; *) files="$files $exe ${exe#/usr}" ;; esac
done 2>/dev/null
[ -n "$files" ] || exit 0
if have dpkg-query && [ -s /var/lib/dpkg/status ]; then
  dpkg-query -S $files 2>/dev/null | say owner
  echo "$N asked"
elif have rpm; then
  for one in $files; do
    owner=$(rpm -qf --qf "%{NAME}" "$one" 2>/dev/null) && echo "$N owner $owner: $one"
  done
  echo "$N asked"
fi
exit 0
'

section boot 10 262144 '
# Containers see the folder covered by an empty one.
if [ -z "$(ls -A /sys/firmware 2>/dev/null)" ]; then :
elif [ -d /sys/firmware/efi ]; then
  echo "$N firmware uefi"
  for one in /sys/firmware/efi/efivars/SecureBoot-*; do
    [ -r "$one" ] && echo "$N secureboot $(od -An -t u1 "$one" | tr -s " \n" " ")"
  done
else echo "$N firmware bios"; fi
if [ -d /sys/class ]; then
  found=0
  for one in /sys/class/tpm/tpm[0-9]* /dev/tcm[0-9]* /dev/tcm; do
    [ -e "$one" ] || continue
    found=1; echo "$N chip ${one##*/} $(cat "$one/tpm_version_major" 2>/dev/null)"
  done
  [ $found = 0 ] && echo "$N nochip"
fi
ima=/sys/kernel/security/ima
if [ -d $ima ]; then
  echo "$N ima yes"
  [ -r $ima/runtime_measurements_count ] && echo "$N measurements $(cat $ima/runtime_measurements_count)"
  [ -r $ima/policy ] && echo "$N rules $(grep -c . $ima/policy)" && echo "$N appraises $(grep -c "^appraise" $ima/policy)"
elif [ -d /sys/kernel/security ] && [ -n "$(ls /sys/kernel/security 2>/dev/null)" ]; then echo "$N ima no"
elif [ -d /sys/kernel ] && ! grep -q "ima" /proc/cmdline; then echo "$N ima no"; fi
echo "$N cmdline $(tr " " "\n" </proc/cmdline | grep -E "^(ima|evm|lsm|security|init_on_free|page_poison|audit)" | tr "\n" " ")"
if [ -f "/boot/config-$(uname -r)" ]; then
  grep -E "^CONFIG_INIT_ON_FREE_DEFAULT_ON=" "/boot/config-$(uname -r)" | say kernel
fi
exit 0
'

section memory 10 65536 '
text /proc/swaps cat
echo
[ -r /proc/sys/kernel/core_pattern ] && echo "$N core_pattern $(cat /proc/sys/kernel/core_pattern)"
[ -r /proc/sys/fs/suid_dumpable ] && echo "$N suid_dumpable $(cat /proc/sys/fs/suid_dumpable)"
for one in /etc/security/limits.conf /etc/security/limits.d/*.conf; do
  [ -f "$one" ] && text "$one" pick "^[^#]*[[:space:]]core[[:space:]]"
done
for one in /etc/systemd/coredump.conf /etc/systemd/coredump.conf.d/*.conf; do
  [ -f "$one" ] && text "$one" pick "^[[:space:]]*(Storage|ProcessSizeMax)"
done
echo
for one in /sys/block/dm-*/dm; do
  [ -r "$one/uuid" ] && echo "$N dm $(cat "$one/name") $(cat "$one/uuid") ${one%/dm}"
done
exit 0
'

# Listing a filter that is not loaded would load it, so only loaded ones are listed.

section rights 10 65536 '
rights /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/ssh/sshd_config /etc/sudoers /etc/sudoers.d /etc/crontab \
  /etc/login.defs /etc/profile /etc/pam.d /etc/security /etc/audit/auditd.conf /boot/grub/grub.cfg \
  /boot/grub2/grub.cfg /var/log/audit /etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_ed25519_key
'

# Where settings and business data lie, and not deep: a host with millions of files must not be searched whole.
# What lies in a folder that others may not enter is closed to them whatever its own rights are.
section sweep 20 524288 '
look() {
  echo "$N searched $1"
  # No brackets around -exec: busybox would then never run what it gathered.
  find -H "$1" -xdev -maxdepth 4 -type d ! -perm -0001 -prune -o \
    \( -type f -o -type d ! -perm -1000 \) -perm -0002 -exec stat -c "%A ok %a %U %G %s %Y %n" {} +
}
# Can everybody go down to a folder? Nobody writes behind a closed one.
passable() {
  p=${1%/*}
  while [ -n "$p" ]; do
    case $(stat -L -c %a "$p") in *[1357]) ;; *) return 1 ;; esac
    p=${p%/*}
  done
}
for one in /etc /root /home /opt /srv /data /u01 /var/log /var/spool /var/www /usr/local/bin /usr/local/sbin /usr/local/etc; do
  [ -d "$one" ] || continue
  look "$one"
  # File systems mounted below are searched too, if they lie on this host; mounts are told by their true place.
  real=$(readlink -f "$one" 2>/dev/null)
  while read -r _ at type _; do
    case $at in "$one"/*|"${real:-$one}"/*) ;; *) continue ;; esac
    case $at in *\\*) printf "%s skipped %s %s\n" "$N" "$at" "$type"; continue ;; esac
    passable "$at" || continue
    case $type in
      ext[234]|xfs|btrfs|zfs|f2fs|jfs|reiserfs|bcachefs|tmpfs|overlay) [ -d "$at" ] && look "$at" ;;
      proc|sysfs|cgroup*|devpts|devtmpfs|mqueue|securityfs|debugfs|tracefs|nsfs|ramfs) ;;
      *) echo "$N skipped $at $type" ;;
    esac
  done </proc/mounts
done | head -n 2000
'

section sshd_match 20 1048576 '
have sshd || exit 3
lines=$(cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf 2>/dev/null |
  sed -n "s/^[[:space:]]*[Mm][Aa][Tt][Cc][Hh][[:space:]=]\{1,\}//p" | sed "s/#.*//" | head -n 64)
[ -n "$lines" ] || { echo "$N none"; exit 0; }
set -f
# All values that the conditions give for one keyword.
pull() {
  printf "%s\n" "$lines" | sed -n "s/^\(.*[[:space:]]\)\{0,1\}$1[[:space:]=]\{1,\}\([^[:space:]]*\).*/\2/p" |
    tr "," "\n" | tr -d "\"!" | sort -u
}
users=$(pull "[Uu][Ss][Ee][Rr]" | grep -v "[*?]")
closed="/(nologin|false|sync|shutdown|halt)$"
if [ -n "$users$(pull "[Uu][Ss][Ee][Rr]")$(pull "[Gg][Rr][Oo][Uu][Pp]")" ]; then
  [ "$(grep -cvE "$closed" /etc/passwd)" -gt 40 ] && echo "$N many"
  users="$users $(grep -vE "$closed" /etc/passwd | cut -d: -f1 | head -n 40)"
else
  users="root $(grep -vE "$closed" /etc/passwd | cut -d: -f1 | grep -v "^root$" | head -n 1)"
fi
addresses=203.0.113.77
for one in $(pull "[Aa][Dd][Dd][Rr][Ee][Ss][Ss]" | sed -e "s,/.*,," -e "s/[*?]/1/g" | head -n 16); do
  case $one in
    *:*|*.*.*.*) ;;
    *.*.*) one=$one.1 ;;
    *.*) one=$one.1.1 ;;
    *) one=$one.1.1.1 ;;
  esac
  addresses="$addresses $one"
done
ports="22 $(pull "[Ll][Oo][Cc][Aa][Ll][Pp][Oo][Rr][Tt]")"
count=0
for user in $(printf "%s\n" $users | sort -u); do for addr in $addresses; do for port in $(printf "%s\n" $ports | sort -u); do
  count=$((count + 1))
  [ $count -gt 160 ] && { echo "$N many"; break 3; }
  echo "$N case $user $addr $port"
  sshd -T -C "user=$user,host=$addr,addr=$addr,laddr=127.0.0.1,lport=$port" 2>/dev/null |
    grep -E "^(permit|password|pubkey|kbdinteractive|challengeresponse|authenticationmethods|gssapiauth|hostbasedauth|channeltimeout|maxauthtries|usepam|allow(users|groups)|deny|forcecommand)" || echo "$N failed"
done; done; done
exit 0
'

section wrappers 10 65536 '
show /etc/hosts.allow /etc/hosts.deny
echo
if have sshd && [ -r "$(command -v sshd)" ]; then
  echo "$N libwrap $(grep -c libwrap "$(command -v sshd)")"
fi
exit 0
'

section policy 10 524288 '
show /etc/login.defs /etc/default/useradd
for one in /etc/profile /etc/bash.bashrc /etc/bashrc /etc/environment /etc/zsh/zshrc /etc/zshrc /etc/profile.d/*.sh; do
  [ -f "$one" ] && text "$one" pick "TMOUT|umask|HISTSIZE"
done
echo
echo "$N sh $(readlink -f /bin/sh)"
'

# What a person gets at login, without any account of the host: HOME is empty, so only the common files are read.
} </dev/null | {

section system 5 65536 '
echo "uname $(uname -s) $(uname -r) $(uname -m)"
echo "uid $(id -u)"
echo "user $(id -un)"
echo "clock $(date +%s)"
read -r init </proc/1/comm && echo "init $init"
show /etc/os-release /usr/lib/os-release
'

section passwd 20 4194304 '
text /etc/passwd sed -e "s/$/:/" -e "/:/!s/.*/?/" \
  -e "s/^\([^:]*\):x:/\1:<x>:/" \
  -e "s/^\([^:]*\):\([!*]*\)[$]\([^:$]*\)[$][^:]*:/\1:\2<\3>:/" \
  -e "s/^\([^:]*\):\([!*]*\)[./0-9A-Za-z]\{13\}:/\1:\2<des>:/" \
  -e "s/^\([^:]*\):\([!*]*\)[^:!*<][^:]*:/\1:\2<unknown>:/" \
  -e "s/^\([^:]*:[^:]*:[^:]*:[^:]*:\)[^:]*:/\1:/" -e "s/:$//"
'

section group 10 2097152 '
text /etc/group sed -e "s/^\([^:]*\):[^:]*:/\1::/"
text /etc/nsswitch.conf cat
'

section shadow 20 4194304 '
text /etc/shadow sed -e "s/$/:/" -e "/^[^:]*:.*:/!s/.*/?/" \
  -e "s/^\([^:]*\):\([!*]*\)[$]\([^:$]*\)[$][^:]*:/\1:\2<\3>:/" \
  -e "s/^\([^:]*\):\([!*]*\)[./0-9A-Za-z]\{13\}:/\1:\2<des>:/" \
  -e "s/^\([^:]*\):\([!*]*\)[^:!*<][^:]*:/\1:\2<unknown>:/" -e "s/:$//"
'

section keys 10 1048576 '
# The shell reads byte by byte, so the many accounts without a shell are left out before.
grep -vE "/(nologin|false|sync|shutdown|halt)$" /etc/passwd | while IFS=: read -r user _ _ _ _ home _; do
  keys="$home/.ssh/authorized_keys"
  if [ -s "$keys" ] || [ -s "${keys}2" ]; then echo "yes $user"
  elif reachable "$keys"; then echo "no $user"
  else echo "denied $user"; fi
done
'

section logins 20 4194304 '
if have lastlog; then tool=lastlog record=/var/log/lastlog
elif have lastlog2; then tool=lastlog2 record=/var/lib/lastlog/lastlog2.db
else exit 3; fi
[ -s $record ] || exit 4
$tool | tr -s " "
'

section modules 10 262144 '
for d in /lib/security /lib64/security /usr/lib/security /usr/lib64/security /lib/*/security /usr/lib/*/security; do
  [ -d "$d" ] && ls "$d"
done
exit 0
'

section shell 5 65536 '
# At a terminal an interactive shell would wait for its turn there; in a session of its own it has none.
# There the time limit of this section does not reach it, and it takes no notice of SIGTERM.
apart=
have setsid && timeout -s KILL 1 true 2>/dev/null && apart="setsid timeout -s KILL 4"
for shell in bash ksh zsh sh; do
  have "$shell" || continue
  echo "$N shell $shell"
  mark=mark$$
  $apart env -i HOME=/nonexistent PATH="$PATH" TERM=dumb LC_ALL=C "$shell" -l -i -c "
    echo \"$mark tmout \$TMOUT\"; echo \"$mark umask \$(umask)\"; echo \"$mark history \$HISTSIZE\"
    readonly -p 2>/dev/null | grep -E \"[ ]TMOUT(=|$)\" >/dev/null && echo \"$mark readonly\"
    echo \"$mark shown\"" | sed -n "s/^$mark //p" | say
  break
done
exit 0
'

section sshd 10 524288 '
have sshd && echo "$N installed" && echo "$N path $(command -v sshd)"
for p in /proc/[0-9]*; do
  read -r name <"$p/comm" || continue
  [ "$name" = sshd ] || continue
  read -r line <"$p/stat"
  set -- ${line##*) }
  shift 19 # start time in ticks since boot is the 20th field after the name
  echo "$N process ${p#/proc/} $1 $(tr "\000" " " <"$p/cmdline")"
done 2>/dev/null
echo "$N boot $(sed -n "s/^btime //p" /proc/stat) $(getconf CLK_TCK 2>/dev/null || echo 100)"
# A reload keeps the process and its start, but sshd writes its pid anew.
for one in /run/sshd.pid /var/run/sshd.pid; do echo "$N loaded $(seconds "$one")"; done
for one in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do echo "$N changed $(seconds "$one") $one"; done
show /etc/ssh/sshd_config
folder /etc/ssh/sshd_config.d "*.conf"
'

section audit_state 10 65536 '
have auditctl || closed auditctl || exit 3
auditctl -s
'

section audit_rules 10 1048576 '
have auditctl || closed auditctl || exit 3
auditctl -l
'

section audit_files 10 1048576 '
show /etc/audit/auditd.conf /etc/audit/audit.rules /etc/audisp/audisp-remote.conf /etc/audit/audisp-remote.conf
folder /etc/audit/rules.d "*.rules"
folder /etc/audit/plugins.d "*remote*.conf"
folder /etc/audisp/plugins.d "*remote*.conf"
echo
[ -e /proc/sys/abi/vsyscall32 ] && echo "$N compat32 yes" || echo "$N compat32 no"
if [ -d /run/systemd/system ] && have systemctl; then
  systemctl show -p RefuseManualStop -p UnitFileState auditd.service 2>/dev/null | sed "s/^\([A-Za-z]*\)=/\1 /" | say
fi
exit 0
'

section audit_records 10 262144 '
log=$(sed -n "s/^[[:space:]]*log_file[[:space:]]*=[[:space:]]*//p" /etc/audit/auditd.conf 2>/dev/null | tail -n 1)
log=${log:-/var/log/audit/audit.log}
printf "\n"
if [ -f "$log" ] || reachable "$log"; then :; else echo "$N denied $log"; exit 0; fi
[ -f "$log" ] || { echo "$N absent $log"; exit 0; }
[ -r "$log" ] || { echo "$N denied $log"; exit 0; }
# The trail rotates to .1, .2 …; the highest number is the oldest. Times of records, not of files, are told.
held=1; last=$log
while [ -f "$log.$held" ] && [ $held -lt 999 ]; do last=$log.$held; held=$((held + 1)); done
echo "$N held $held"
echo "$N oldest $(head -c 4096 "$last" | head -n 1 | sed -n "s/.*audit(\([0-9]*\)[.:].*/\1/p")"
tail -c 196608 "$log" | tail -n 300 | sed -e "s/type=\([A-Z0-9_]*\)/type:\1/" -e "s/msg=audit([0-9][0-9.]*:[0-9]*)/timed/" \
  -e "s/=\"[^\"]*\"/=/g" -e "s/=[^ ]*/=/g"
'

section syslog 10 524288 '
for one in /etc/rsyslog.conf /etc/rsyslog.d/*.conf; do
  [ -e "$one" ] && text "$one" pick ""
done
for one in /etc/syslog-ng/syslog-ng.conf /etc/syslog-ng/conf.d/*.conf; do
  [ -e "$one" ] && text "$one" pick ""
done
show /etc/systemd/journald.conf
folder /etc/systemd/journald.conf.d "*.conf"
show /etc/systemd/journal-upload.conf
echo
echo "$N whole files"
'

section logs 20 1048576 '
rights /var/log /var/log/audit /var/log/journal
echo "$N files"
# What is judged comes first, so that many other files cannot push it out; audit often has a disk of its own.
{
  find -H /var/log -xdev -maxdepth 1 -type f -exec stat -c "ok %a %U %G %s %Y %n" {} +
  [ -d /var/log/audit ] && find -H /var/log/audit -xdev -maxdepth 2 -type f -exec stat -c "ok %a %U %G %s %Y %n" {} +
  find -H /var/log -xdev -mindepth 2 -maxdepth 3 -type f ! -path "/var/log/journal/*" ! -path "/var/log/audit/*" \
    -exec stat -c "ok %a %U %G %s %Y %n" {} +
} | head -n 5000
'

section rotation 10 524288 '
show /etc/logrotate.conf
folder /etc/logrotate.d "*"
echo
if have journalctl && [ -d /var/log/journal ]; then
  echo "$N journal $(journalctl -q --no-pager -o short-unix 2>/dev/null | head -n 1 | cut -d. -f1)"
fi
'

section services 15 524288 '
if [ -d /run/systemd/system ] && have systemctl; then
  echo "$N manager systemd"
  echo "$N target $(systemctl get-default)"
  systemctl list-units --all --plain --no-legend --no-pager --type=service,socket | say unit
  echo "$N units $?"
  systemctl list-unit-files --no-legend --no-pager --type=service,socket | say file
elif have rc-status; then
  echo "$N manager openrc"
  rc-status --all --nocolor | say rc
  rc-update show | say enabled
else
  read -r init </proc/1/comm
  if [ "$init" = init ]; then
    echo "$N manager sysvinit"
    for one in /etc/rc[2345].d/S*; do [ -e "$one" ] && echo "$N link ${one##*/S??}"; done
  else
    echo "$N manager none"
  fi
fi
exit 0
'

section shares 10 262144 '
for one in /etc/exports /etc/exports.d/*.exports; do text "$one" pick "^[^#]"; done
for one in /etc/samba/smb.conf /etc/vsftpd.conf /etc/vsftpd/vsftpd.conf; do
  text "$one" pick "^[[:space:]]*(\[|guest ok|public|map to guest|path|anonymous_enable|ssl_enable|force_local_(logins|data)_ssl|user_config_dir)"
done
echo "$N ftpdata asked" # an older script did not ask: what it does not show may be set all the same
for one in $(grep -lx vsftpd /proc/[0-9]*/comm 2>/dev/null); do
  echo "$N ftpd $(tr "\0" " " 2>/dev/null <"${one%comm}cmdline")"
done
text /etc/inetd.conf pick "^[^#]"
for one in /etc/xinetd.d/*; do [ -f "$one" ] && text "$one" pick "^[[:space:]]*(service|disable)"; done
exit 0
'

section processes 15 4194304 '
grep " /proc " /proc/mounts | say mount
grep -H -E "^(Name|PPid|Uid):" /proc/[0-9]*/status 2>/dev/null
exit 0
'

section sockets 15 4194304 '
ls -l /proc/[0-9]*/fd 2>/dev/null | sed -n -e "/^\/proc\//p" -e "s/.*socket:\[\([0-9]*\)\].*/\1/p"
exit 0
'

section integrity 10 262144 '
tool() { # NAME CONFIG DATABASE PATTERN REPORT
  [ -e "$2" ] || { reachable "$2" && return; echo "$N tool $1 ? ?"; return; }
  if ls $3 >/dev/null 2>&1; then db=yes; elif reachable "${3%%\**}"; then db=no; else db=?; fi
  job=no
  for one in /etc/crontab /etc/cron.d /etc/cron.daily /etc/cron.weekly /etc/cron.hourly /var/spool/cron; do
    [ -e "$one" ] || continue
    if grep -rqE "^[^#]*$4" "$one" 2>/dev/null; then job=yes; break; fi
    if [ ! -r "$one" ] || [ ! -x "$one" ] && [ -d "$one" ]; then job=?; fi
  done
  [ $job != yes ] && ls /etc/systemd/system/timers.target.wants/ 2>/dev/null | grep -q "$4" && job=yes
  ran=
  for one in $5; do [ -s "$one" ] && ran=$(seconds "$one"); done
  echo "$N tool $1 $db $job $ran"
}
tool aide /etc/aide.conf "/var/lib/aide/aide.db*" aide /var/log/aide/aide.log
tool aide /etc/aide/aide.conf "/var/lib/aide/aide.db*" aide /var/log/aide/aide.log
tool tripwire /etc/tripwire "/var/lib/tripwire/*.twd" tripwire
tool samhain /etc/samhainrc "/var/lib/samhain/samhain_file*" samhain
exit 0
'

section sudo 10 524288 '
have sudo && echo "$N installed"
show /etc/sudoers
folder /etc/sudoers.d "*"
folder /usr/etc/sudoers.d "*"
'

section installation 10 65536 '
stamp() { [ -e "$2" ] && echo "$N mark $(seconds "$2") $1"; }
stamp machine-id /etc/machine-id
stamp installer /var/log/installer/
stamp anaconda /var/log/anaconda/
stamp anaconda-ks.cfg /root/anaconda-ks.cfg
stamp lost+found /lost+found/
oldest=$(find /var/lib/dpkg/info -name "*.list" -exec stat -c "%Y" {} + 2>/dev/null | sort -n | head -n 1)
[ -n "$oldest" ] && echo "$N mark $oldest dpkg"
exit 0
'

section login_rules 10 262144 '
show /etc/security/access.conf /etc/security/time.conf /etc/doas.conf /etc/authselect/authselect.conf
for one in /etc/selinux/*/seusers; do [ -e "$one" ] && show "$one"; done
exit 0
'

section places 10 524288 '
homes=$(grep -vE "/(nologin|false|sync|shutdown|halt)$" /etc/passwd | cut -d: -f6 | grep "^/." | sort -u | head -n 200)
IFS="
"
set -f
data="/home
/root
/data
/opt
/srv
/u01
/var/www
/var/lib/mysql
/var/lib/pgsql
/var/lib/postgresql"
rights $(printf "%s\n%s\n" "$data" "$homes" | sort -u)
if ls --version 2>/dev/null | grep -q coreutils; then
  echo "$N marked"
  set +f
  ls -Lld /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/sudoers /etc/sudoers.d /etc/sudoers.d/* /etc/pam.d \
    /etc/security /etc/ssh/sshd_config /etc/crontab /etc/cron.d /etc/profile /var/log /var/log/audit $data $homes |
    grep "^[^ ]*+ " | tr -s " " | cut -d " " -f 9- | sort -u | head -n 200 | while read -r one; do
      echo "$N acl $one"
      have getfacl && getfacl -cpe -- "$one" | sed -n "s/^\(user\|group\):\([^:]\{1,\}\):/\1:\2:/p" | say entry &&
        echo "$N listed $one"
    done
fi
[ -r /proc/mounts ] && echo "$N mounts" &&
  sed -n -E "s/^[^ ]+ ([^ ]+) (vfat|msdos|exfat|ntfs|ntfs3|fuseblk) .*/\2 \1/p" /proc/mounts | say plain
exit 0
'

# Nothing that a person typed or saved leaves the host: only names, rights and the number of lines.
section traces 15 524288 '
left=$(($(grep -cvE "/(nologin|false|sync|shutdown|halt)$" /etc/passwd) - 500))
[ $left -gt 0 ] && echo "$N home denied ($left more)"
grep -vE "/(nologin|false|sync|shutdown|halt)$" /etc/passwd | head -n 500 | while IFS=: read -r user _ _ _ _ home _; do
  case $home in /*) ;; *) continue ;; esac
  if [ -d "$home" ]; then
    [ -r "$home" ] && [ -x "$home" ] || { echo "$N home denied $user"; continue; }
  elif reachable "$home"; then echo "$N home absent $user"; continue
  else echo "$N home denied $user"; continue; fi
  echo "$N home ok $user"
  for one in .netrc .pgpass .my.cnf .git-credentials .docker/config.json .aws/credentials .smbcredentials .vnc/passwd; do
    [ -s "$home/$one" ] || continue
    case $one in
      .my.cnf) [ -r "$home/$one" ] && ! grep -qiE "^[[:space:]]*password[[:space:]]*=[[:space:]]*[^[:space:]]" "$home/$one" && continue ;;
      .docker/*) [ -r "$home/$one" ] && ! grep -q "\"auth\"" "$home/$one" && continue ;;
    esac
    echo "$N saved $user $(stat -L -c "%a %U %n" "$home/$one")"
  done
  for one in .bash_history .sh_history .ash_history .zsh_history .mysql_history .mariadb_history .psql_history; do
    [ -f "$home/$one" ] && [ -s "$home/$one" ] || continue
    count=?
    [ -r "$home/$one" ] && count=$(tail -c 1048576 "$home/$one" | grep -cE "sshpass +-p|(PGPASSWORD|MYSQL_PWD|SSHPASS)=[^ ]|--password=[^ ]|(mysql|mariadb)[a-z]* ([^|;]* )?-p[^ ]|passwd +--stdin|\| *chpasswd|curl [^|;]*(-u|--user) *[^ :]+:[^ ]|(IDENTIFIED|identified) +((WITH|with) +[^ ]+ +)?(BY|by) +[^ ]|(CREATE|ALTER|create|alter) +(USER|ROLE|user|role) .*(PASSWORD|password) +[^ ]")
    echo "$N history $user ${count:-?} $(stat -L -c "%a %U %n" "$home/$one")"
  done
done
echo
rights $(ls -d /etc/shadow- /etc/gshadow- /etc/shadow[._~]* /etc/*shadow*bak* /etc/*shadow*.old /var/backups/*shadow* /root/*shadow* 2>/dev/null | sort -u | head -n 50)
for one in gdm gdm3 lightdm sddm xdm lxdm; do have "$one" && echo "$N greeter $one"; done
for one in /etc/lightdm/*.conf /etc/lightdm/lightdm.conf.d/*.conf /usr/share/lightdm/lightdm.conf.d/*.conf; do
  [ -f "$one" ] && text "$one" pick "^[[:space:]]*greeter-(hide-users|show-manual-login)"
done
for one in /etc/dconf/db/gdm.d/* /etc/gdm3/greeter.dconf-defaults; do [ -f "$one" ] && text "$one" pick "^[[:space:]]*disable-user-list"; done
for one in /etc/sddm.conf /etc/sddm.conf.d/*.conf; do [ -f "$one" ] && text "$one" pick "^[[:space:]]*(RememberLastUser|HideUsers)"; done
exit 0
'

cat
}

printf '\n%s done\n' "$N"
