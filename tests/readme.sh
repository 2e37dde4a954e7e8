#!/usr/bin/env bash
# Follows "Your own messages in five minutes" of README.md, the documents of
# docs/ and client/ocaml/README.md by the letter: runs their ```sh blocks as one
# script, and looks for the lines of their ```text blocks in what that prints,
# in their order.
set -euo pipefail
cd "$(dirname "$0")/.."
clone="$PWD"
folder="$(mktemp -d /tmp/mycelium-readme.XXXXXX)"
# Ends what the script has left in the background: its process group is its own.
script=""
clean_up() {
  [ -z "$script" ] || kill -TERM -- "-$script" 2>/dev/null || true
  rm -rf "$folder"
}
trap clean_up EXIT

blocks() {
  awk -v fence="\`\`\`$1" '
    FNR == 1 { here = FILENAME != "README.md" }
    FILENAME == "README.md" && /^## / { here = /Your own messages in five minutes/ }
    here && $0 == fence { inside = 1; next }
    /^```$/ { inside = 0 }
    here && inside' README.md docs/*.md client/ocaml/README.md
}
mkdir "$folder/empty"
{
  echo "set -euo pipefail; cd '$clone'"
  blocks sh
} >"$folder/script"
blocks text >"$folder/expected"
[ -s "$folder/expected" ] || {
  echo "$0: README.md has no such section" >&2
  exit 1
}

export PREFIX="$folder/prefix" EMPTY="$folder/empty"
setsid timeout 900 bash "$folder/script" >"$folder/printed" 2>&1 </dev/null &
script=$!
status=0
wait "$script" || status=$?
if [ "$status" -ne 0 ]; then
  cat "$folder/printed"
  echo "$0: the commands ended with status $status" >&2
  exit 1
fi
awk -v printed="$folder/printed" '
  { found = 0
    while (!found && (getline line < printed) > 0) found = line == $0
    if (!found) { print "promised, and not printed here: " $0; exit 1 }
  }' "$folder/expected" || {
  cat "$folder/printed"
  exit 1
}
echo "readme: $(wc -l <"$folder/expected") lines printed as the documents have them"
