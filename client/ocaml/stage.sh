#!/usr/bin/env bash
# Lays out in a folder what dune builds here: the sources, and the code that
# protoc-gen-mycelium makes of the schemas of the tests.  Then
#   dune build --root FOLDER
#   dune test --root FOLDER
#   dune build --root FOLDER @daemon   # see test/daemon/dune
#
# Usage: client/ocaml/stage.sh PLUGIN FOLDER
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "usage: $0 PLUGIN FOLDER" >&2
  exit 2
fi
plugin="$(realpath "$1")"
stage="$(realpath "$2")"
cd "$(dirname "$0")"

# Bazel's are links to files that nobody may write.
cp -RL dune-project ./*.opam README.md wire control engine posix client lwt native test \
  bench "$stage"
mkdir -p "$stage/test/vectors"
cp -L ../../tests/vectors/*.txt "$stage/test/vectors"
chmod -R u+w "$stage"

generate() {
  protoc --plugin=protoc-gen-mycelium="$plugin" \
    --mycelium_out=ocaml:"$stage/$1" -I ../../proto "${@:2}"
}
generate control mycelium/control.proto mycelium/admin.proto
generate test/schemas mycelium_protocol.proto
generate test/schemas -I ../../tests/schemas wide.proto shapes.proto
generate test/schemas -I test/schemas names.proto
generate test/daemon/changed -I test/daemon/changed changed.proto
