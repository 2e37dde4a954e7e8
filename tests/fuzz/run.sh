#!/usr/bin/env bash
# Fuzzes one target from its corpus with clang's libFuzzer, under ASan.
#
# Usage: tests/fuzz/run.sh TARGET SECONDS [libFuzzer flags]
#        tests/fuzz/run.sh --list
# What it finds is written to the folder it was started in; new inputs are kept
# in a temporary folder and thrown away.
set -euo pipefail
here="$PWD"
cd "$(dirname "$0")"
if [ "${1:-}" = --list ]; then
  sed -n 's/^ *name = "\(.*_fuzz\)",$/\1/p' BUILD.bazel
  exit 0
fi
target="$1"
seconds="$2"
shift 2
base="$HOME/.cache/mycelium-fuzz"
bazel --output_base="$base" build --config=fuzz \
  --experimental_convenience_symlinks=ignore "//tests/fuzz:$target"
binary="$(bazel --output_base="$base" info --config=fuzz bazel-bin)/tests/fuzz/$target"
found="$(mktemp -d)"
trap 'rm -rf "$found"' EXIT
corpus="$PWD/corpus/${target%_fuzz}"
cd "$here"
log="$found/log"
mkdir "$found/inputs"
status=0
ASAN_SYMBOLIZER_PATH="$(command -v llvm-symbolizer-14 || true)" \
  "$binary" -max_total_time="$seconds" -print_final_stats=1 -timeout=10 \
  "$@" "$found/inputs" "$corpus" >"$log" 2>&1 || status=$?
# What was found begins with the report, what was not ends with the figures.
if [ "$status" -ne 0 ]; then
  grep -v '^#[0-9]' "$log"
else
  tail -n 20 "$log"
fi
exit "$status"
