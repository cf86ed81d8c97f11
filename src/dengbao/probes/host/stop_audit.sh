# Looks for auditd, or tries to interrupt it as the account that is logged in; undoes at once what it managed.
# Usage: { echo "set -- NONCE look"; cat stop_audit.sh; } | sh -s     or "set -- NONCE try PID"     POSIX sh.
# The signal of the try is 0: the kernel checks the right to send it and delivers nothing.
N=$1
LC_ALL=C
LANG=C
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
export LC_ALL LANG PATH

daemons() { # WORD
  for p in /proc/[0-9]*; do
    read -r name <"$p/comm" && [ "$name" = auditd ] && echo "$N $1 ${p#/proc/}"
  done 2>/dev/null
}

attempt() { # NAME COMMAND...
  what=$1
  shift
  if command -v "$1" >/dev/null 2>&1; then
    answer=$("$@" 2>&1 </dev/null)
    echo "$N attempt $what $? $(printf %s "$answer" | tr "\n" " " | cut -c 1-300)"
  else
    echo "$N attempt $what - "
  fi
}

if timeout 1 true 2>/dev/null; then soon="timeout 20"; else soon=; fi
case $2 in
look)
  echo "$N uid $(id -u)"
  grep -q " /proc .*hidepid=[12i]" /proc/mounts && echo "$N hidden"
  daemons before
  ;;
try)
  attempt signal kill -0 "$3"
  if command -v auditctl >/dev/null 2>&1; then
    attempt auditctl $soon auditctl -e 0
    [ "${what:-}" = auditctl ] && auditctl -s 2>/dev/null | grep -q "^enabled 0" && auditctl -e 1 >/dev/null 2>&1 &&
      echo "$N undone auditctl"
  else
    echo "$N attempt auditctl - "
  fi
  if command -v systemctl >/dev/null 2>&1; then
    attempt systemctl $soon systemctl stop auditd.service --no-ask-password
  else
    echo "$N attempt systemctl - "
  fi
  daemons after
  if [ ! -d "/proc/$3" ] && command -v systemctl >/dev/null 2>&1; then
    $soon systemctl start auditd.service --no-ask-password >/dev/null 2>&1
    daemons restored
    echo "$N undo tried"
  fi
  ;;
esac
echo "$N done"
