#!/usr/bin/env bash
# The format of every file: clang-format (Google), buildifier, black; and what
# the linters of Python (mypy) and of the shell say.
#
# Usage: tests/format.sh check|fix
# buildifier is not in Debian: without it on PATH the npm registry's is taken,
# and without npm the BUILD files are left out, which is said.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
case "${1:-}" in
  check)
    clang=(--dry-run -Werror)
    black=(--check)
    buildifier=(-mode=check)
    ;;
  fix)
    clang=(-i)
    black=()
    buildifier=(-mode=fix)
    ;;
  *)
    echo "usage: $0 check|fix" >&2
    exit 2
    ;;
esac
failed=0
run() {
  "$@" || {
    echo "format: $1 found something" >&2
    failed=1
  }
}

mapfile -t cpp < <(git ls-files '*.h' '*.cc' '*.c' ':!proto/plugin/golden')
mapfile -t python < <(git ls-files '*.py' '*.pyi')
mapfile -t shell < <(git ls-files '*.sh' .ci/run)
mapfile -t build < <(git ls-files '*BUILD.bazel' '*.bzl' 'WORKSPACE' | grep -v bazel_stubs)
run clang-format-14 "${clang[@]}" "${cpp[@]}"
run black -q "${black[@]}" "${python[@]}"
# The modules that protoc makes have no stubs.  client/python is imported as
# mycelium, client/python/native/src as mycelium_native; neither may be seen
# under two names.
check_types() {
  run mypy --strict --ignore-missing-imports --explicit-package-bases \
    --no-error-summary "$@"
}
mapfile -t native < <(printf '%s\n' "${python[@]}" | grep '^client/python/native/')
mapfile -t others < <(printf '%s\n' "${python[@]}" | grep -v '^client/python/native/')
MYPYPATH=.:client/python check_types "${others[@]}"
MYPYPATH=.:client/python/native/src check_types "${native[@]}"
run shellcheck "${shell[@]}"
if command -v buildifier >/dev/null; then
  run buildifier "${buildifier[@]}" "${build[@]}"
elif command -v npx >/dev/null; then
  run npx --yes @bazel/buildifier@8.2.1 "${buildifier[@]}" "${build[@]}"
else
  echo "format: neither buildifier nor npx here: the BUILD files were not checked"
fi
exit "$failed"
