#!/usr/bin/env bash
# Lays out in a folder what dune builds here: the sources, and the code that
# protoc-gen-mycelium makes of the schemas of the tests.  Then
#   dune build --root FOLDER
#   dune test --root FOLDER
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
cp -RL dune-project mycelium.opam wire test bench "$stage"
chmod -R u+w "$stage"

generate() {
  protoc --plugin=protoc-gen-mycelium="$plugin" \
    --mycelium_out=ocaml:"$stage/test/schemas" -I ../../proto "$@"
}
generate mycelium_protocol.proto
generate -I ../../tests/schemas wide.proto shapes.proto
generate -I test/schemas names.proto
