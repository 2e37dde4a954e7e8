#!/usr/bin/env bash
# Builds the release of what goes into the images, and puts it into FOLDER.
#
# Usage: deploy/docker/build_programs.sh FOLDER
#   mycelium-brokerd mycelium   the image mycelium-brokerd
#   subscriber python_publisher.py mycelium_protocol.py mycelium-*.whl
#                               the image mycelium-demo
set -euo pipefail
if [ "$#" -ne 1 ]; then
  echo "usage: $0 FOLDER" >&2
  exit 2
fi
folder="$(realpath -m "$1")"
cd "$(dirname "$0")/../.."
flags=(--config=release --noshow_progress --ui_event_filters=-info)
bazel build "${flags[@]}" //broker:mycelium-brokerd //client/cli:mycelium \
  //client/python:wheel //deploy/demo:subscriber //proto:mycelium_protocol_py
bin="$(bazel info --config=release bazel-bin 2>/dev/null)"
install -d "$folder"
install -t "$folder" "$bin/broker/mycelium-brokerd" "$bin/client/cli/mycelium" \
  "$bin/deploy/demo/subscriber" deploy/demo/python_publisher.py
install -m 644 -t "$folder" "$bin"/client/python/mycelium-*.whl \
  "$bin/proto/mycelium_protocol_python_gen/mycelium_protocol.py"
