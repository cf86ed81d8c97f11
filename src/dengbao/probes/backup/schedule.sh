# Sections about one backup folder: what lies in it, and which jobs of this host write there. Changes nothing.
# Comes after the head of host/collect.sh; FOLDER, DEPTH and MOST are set before it.
# The text of commands never leaves the host, since passwords stand in them: only which known tools they name,
# which existing files they call, and whether they name the folder.

# BACKREST: the stanza of a pgBackRest repository, * for any, empty where the folder is none.
export FOLDER DEPTH MOST BACKREST
TOOLS="mysqldump|mariadb-dump|mydumper|mariabackup|mariadb-backup|xtrabackup|innobackupex|mysqlbackup|pg_dump"
TOOLS="$TOOLS|pg_dumpall|pg_basebackup|pgbackrest|barman|wal-g|sys_dump|sys_dumpall|sys_rman|gs_dump|rman|expdp"
TOOLS="$TOOLS|exp|dexp|dmrman|mongodump|redis-cli|sqlite3|restic|borg|rsnapshot|duplicity|rsync|scp|cp|tar"
export TOOLS

PRELUDE="$PRELUDE"'
called() { # the existing files that a text names
  grep -oE "/[A-Za-z0-9_./+-]+" | sort -u | head -n 40 | while read -r one; do [ -f "$one" ] && echo "$one"; done
}
tools() { grep -v "^[[:space:]]*#" | grep -owE -e "$TOOLS" | sort -u; }
# Does a text start pgBackRest to back up the stanza? Its commands name no folder.
backs_up() {
  grep -E "pgbackrest[[:space:]](.*[[:space:]])?backup([[:space:]]|$)" |
    if [ "$BACKREST" = "*" ]; then cat; else grep -E -e "--stanza[= ]$BACKREST([[:space:]]|$)"; fi | grep -q .
}
# Does a text name the folder itself, and not one whose name only begins like it?
names_it() {
  words=$(grep -v "^[[:space:]]*#")
  [ -n "$BACKREST" ] && printf "%s\n" "$words" | backs_up && return 0
  printf "%s\n" "$words" | grep -F -e "$FOLDER" | while IFS= read -r l; do
    case $l in *"$FOLDER"|*"$FOLDER"[!A-Za-z0-9._-]*) echo yes; break ;; esac
  done | grep -q yes
}
job() { # SOURCE USER ON SCHEDULE COMMAND
  found=$(printf "%s\n" "$5" | tools); files=""; blind=""; names=no
  printf "%s\n" "$5" | names_it && names=yes
  for p in $(printf "%s\n" "$5" | called); do
    files="$files $p"
    if [ ! -r "$p" ]; then blind="$blind $p"
    elif [ "$(stat -L -c %s "$p")" -le 262144 ] && head -n 1 "$p" | grep -q "^#!\|^[[:print:][:space:]]*$"; then
      names_it <"$p" && names=yes
      found="$found $(tools <"$p")"
      for q in $(grep -v "^[[:space:]]*#" "$p" | called); do
        case $q in *.sh|*.py|*.pl) [ -r "$q" ] || continue
          files="$files $q"; names_it <"$q" && names=yes
          found="$found $(tools <"$q")" ;;
        esac
      done
    fi
  done
  printf "\n%s job %s|%s|%s|%s|%s|%s|%s|%s\n" "$N" "$1" "$2" "$3" "$4" "$(echo $found)" "$(echo $files)" "$names" "$(echo $blind)"
}
crontab_lines() { # SOURCE USER (none: the sixth field)
  while IFS= read -r line || [ -n "$line" ]; do
    set -f; set -- "$1" "$2" $line; set +f
    source=$1; owner=$2; shift 2
    case ${1:-#} in
      \#*|*=*) set -- "$source" "$owner"; continue ;;
      @*) when=$1; shift 1 ;;
      *) [ $# -ge 6 ] || { set -- "$source" "$owner"; continue; }
        when="$1 $2 $3 $4 $5"; shift 5 ;;
    esac
    who=$owner
    [ -n "$who" ] || { who=$1; shift; }
    job "$source" "$who" yes "$when" "$*"
    set -- "$source" "$owner"
  done
}
anacron_lines() { # PERIOD DELAY NAME COMMAND
  while IFS= read -r line || [ -n "$line" ]; do
    set -f; set -- $line; set +f
    case ${1:-#} in
      @*|[0-9]*) [ $# -ge 4 ] && { when=$1; shift 3; job /etc/anacrontab root yes "anacron $when" "$*"; } ;;
    esac
  done
}
'

section system 5 4096 '
echo "uname $(uname -s)"
echo "uid $(id -u)"
echo "user $(id -un)"
echo "clock $(date +%s)"
'

section listing 40 16777216 '
if [ -d "$FOLDER" ]; then
  if [ -r "$FOLDER" ] && [ -x "$FOLDER" ]; then
    echo "$N folder ok"
    # Other users see arguments: stat gets a word that tells nothing of N. Lines of a name that has several stay.
    key=$N
    have awk && key=$(printf %s "$N" | cksum | cut -d " " -f 1)
    find -P "$FOLDER/" -xdev -mindepth 1 -maxdepth "$DEPTH" -exec stat -c "$key entry %f|%s|%Y|%n" {} + |
      if have awk; then
        KEY="$key entry " awk "index(\$0, ENVIRON[\"KEY\"]) == 1 {
          \$0 = ENVIRON[\"N\"] \" entry \" substr(\$0, length(ENVIRON[\"KEY\"]) + 1) } { print }"
      else cat; fi | head -n "$MOST"
  else echo "$N folder denied"; fi
elif [ -e "$FOLDER" ]; then echo "$N folder none"
elif reachable "$FOLDER"; then echo "$N folder absent"
else echo "$N folder denied"; fi
exit 0
'

section cron 30 1048576 '
for p in /proc/[0-9]*/comm; do
  read -r name <"$p" || continue
  case $name in cron|crond|anacron|fcron|systemd) echo "$N daemon $name" ;; esac
done 2>/dev/null | sort -u
for one in /etc/crontab /etc/anacrontab /etc/cron.d/*; do
  [ -f "$one" ] || continue
  if [ ! -r "$one" ]; then echo "$N denied $one"
  elif [ "$one" = /etc/anacrontab ]; then anacron_lines <"$one"
  else crontab_lines "$one" "" <"$one"; fi
done
for d in /var/spool/cron/crontabs /var/spool/cron/tabs /var/spool/cron /etc/crontabs; do
  if [ ! -d "$d" ]; then continue; fi
  if [ ! -r "$d" ] || [ ! -x "$d" ]; then echo "$N denied $d"; continue; fi
  for one in "$d"/*; do
    [ -f "$one" ] || continue
    if [ -r "$one" ]; then crontab_lines "crontab:${one##*/}" "${one##*/}" <"$one"; else echo "$N denied $one"; fi
  done
done
for part in hourly daily weekly monthly; do
  for one in "/etc/cron.$part"/*; do
    [ -f "$one" ] || continue
    state=no; [ -x "$one" ] && state=yes
    case ${one##*/} in *.*) state=no ;; esac
    job "$one" root $state "@$part" "$one"
  done
done
exit 0
'

section timers 20 1048576 '
[ -d /run/systemd/system ] && echo "$N manager systemd"
done_with=" "
for d in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
  [ -d "$d" ] || continue
  for one in "$d"/*.timer; do
    [ -f "$one" ] && [ -r "$one" ] || continue
    name=${one##*/}
    case $name in *@.timer) continue ;; esac # a pattern that nobody filled in
    case $done_with in *" $name "*) continue ;; esac # what stands in the first folder hides the others
    done_with="$done_with$name "
    unit=$(sed -n "s/^Unit=//p" "$one" | tail -n 1); unit=${unit:-${name%.timer}.service}
    body=""; who=root
    for s in "/etc/systemd/system/$unit" "/usr/local/lib/systemd/system/$unit" "/usr/lib/systemd/system/$unit" "/lib/systemd/system/$unit"; do
      [ -r "$s" ] && { body=$(sed -n "s/^Exec[A-Za-z]*=//p" "$s"); who=$(sed -n "s/^User=//p" "$s" | tail -n 1); break; }
    done
    state=no
    for w in /etc/systemd/system/*.wants/"$name" /usr/lib/systemd/system/*.wants/"$name"; do [ -e "$w" ] || [ -L "$w" ] && state=yes; done
    sed -n -e "s/^\(OnCalendar=.*\)/\1/p" -e "s/^\(OnUnitActiveSec=.*\)/\1/p" -e "s/^\(OnUnitInactiveSec=.*\)/\1/p" "$one" |
      while IFS= read -r when; do job "$name" "${who:-root}" "$state" "$when" "$body"; done
  done
done
exit 0
'

# The program is told the folder and nothing else: no configuration, so that it asks no other machine, writes no log.
if [ -n "$BACKREST" ]; then
section pgbackrest 60 8388608 '
have pgbackrest || { echo "$N tool absent"; exit 0; }
echo "$N tool there"
echo "$N info"
env -i PATH="$PATH" LC_ALL=C pgbackrest --no-config --repo1-path="$FOLDER" --log-level-file=off \
  --log-level-console=off --log-level-stderr=off --output=json info
code=$?
echo
echo "$N answered $code"
find -P "$FOLDER/backup" -xdev -mindepth 3 -maxdepth 3 -name backup.manifest -type f -size +0 |
  head -n 5000 | say manifest
exit 0
'
fi

printf '\n%s done\n' "$N"
