# Lists the regular files below one declared place, and whatever else lies there; reads no file, changes nothing.
# Comes after the head of host/collect.sh; PLACE and MOST are set before each section.
# The first entry is the place itself, links in its own path resolved; links below it are not followed.

PRELUDE="$PRELUDE"'
entries() { # the arguments of a command that prints entries; other users see arguments, so N goes in later
  if have awk; then
    KEY="$key entry " awk "index(\$0, ENVIRON[\"KEY\"]) == 1 {
      \$0 = ENVIRON[\"N\"] \" entry \" substr(\$0, length(ENVIRON[\"KEY\"]) + 1) } { print }"
  else cat; fi | head -n "$MOST"
}
list_place() {
  key=$N
  have awk && key=$(printf %s "$N" | cksum | cut -d " " -f 1)
  form="$key entry %f|%s|%Y|%d|%n"
  if [ ! -e "$PLACE" ]; then
    if reachable "$PLACE"; then echo "$N place absent"; else echo "$N place denied"; fi
    return
  fi
  real=$(readlink -f "$PLACE"; echo x)
  real=${real%??}
  if [ -d "$real" ]; then
    if [ -r "$real" ] && [ -x "$real" ]; then
      echo "$N place folder"
      find -P "$real/" -xdev -exec stat -c "$form" {} + | entries
      echo; echo "$N listed"
    else echo "$N place denied"; fi
  elif [ ! -f "$real" ]; then echo "$N place special"
  elif [ -r "$real" ]; then
    echo "$N place file"
    stat -c "$form" "$real" | entries
    echo; echo "$N listed"
  else echo "$N place denied"; fi
}
'
export PLACE MOST
