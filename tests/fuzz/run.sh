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
"$binary" -max_total_time="$seconds" -print_final_stats=1 -timeout=10 \
  "$@" "$found" "$corpus" 2>&1 | tail -n 20
