#!/usr/bin/env bash
# Every test, and a last line that counts: "74 passed, 0 failed".
#
# Usage: tests/run.sh [STEP...]
#   unit        bazel test //...: unit, vector, integration and tool tests
#   asan ubsan tsan
#               the same under the sanitizers
#   clang       bazel build //... with clang, whose warnings are others
#   fuzz        each fuzz target from its corpus, FUZZ_SECONDS (default 15) each
#   sim         the simulator, SIM_SEEDS (default 4000) runs
#   bench       every benchmark for a moment, so that none of them rots
#   deploy      tests/deploy/*_test.py: the release under a real systemd and the
#               like.  One that cannot run here (exit 77) says why and is counted
#               as skipped, with REQUIRE_DEPLOY=1 as failed
#   quickstart  deploy/quickstart.sh
#   readme      README.md's "Your own messages in five minutes" and docs/, by
#               the letter
# Without a STEP all of them.  Installs missing Debian packages first.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
deploy/install_packages.sh test || exit 1

steps=("$@")
[ "${#steps[@]}" -gt 0 ] || steps=(unit asan ubsan tsan clang fuzz sim bench deploy quickstart readme)
results="$(mktemp)"
trap 'rm -f "$results"' EXIT

# One command that counts as one test.
single() {
  local label="$1"
  shift
  if "$@"; then
    echo "$label: 1 passed, 0 failed" | tee -a "$results"
  else
    echo "$label: 0 passed, 1 failed" | tee -a "$results"
  fi
}

# bazel test, whose own last line counts.
bazel_test() {
  local log
  log="$(mktemp)"
  tests/bazel_test.py "$@" | tee "$log"
  tail -n 1 "$log" >>"$results"
  rm -f "$log"
}

# Every tests/deploy/*_test.py FOLDER: there are mycelium-brokerd, mycelium, debs/.
deploy_tests() {
  local folder bin test label status
  folder="$(mktemp -d)"
  if ! { bazel build --config=release //broker:mycelium-brokerd \
    //client/cli:mycelium //deploy/debian:packages &&
    bin="$(bazel info --config=release bazel-bin 2>/dev/null)" &&
    install -t "$folder" "$bin/broker/mycelium-brokerd" "$bin/client/cli/mycelium" &&
    install -D -m 644 -t "$folder/debs" "$bin"/deploy/debian/packages/*.deb; }; then
    echo "deploy: 0 passed, 1 failed" | tee -a "$results"
    rm -rf "$folder"
    return
  fi
  for test in tests/deploy/*_test.py; do
    label="$(basename "$test" .py)"
    status=0
    timeout 600 "$test" "$folder" || status=$?
    case "$status/${REQUIRE_DEPLOY:-0}" in
      0/*) echo "$label: 1 passed, 0 failed" ;;
      77/0) echo "$label: 0 passed, 0 failed, 1 skipped" ;;
      *) echo "$label: 0 passed, 1 failed" ;;
    esac | tee -a "$results"
  done
  rm -rf "$folder"
}

for step in "${steps[@]}"; do
  echo "=== $step"
  case "$step" in
    unit) bazel_test unit //... ;;
    asan)
      bazel_test asan --config=asan //...
      # A plain python3 that loads the sanitizer itself.
      bazel_test asan --config=asan --build_tag_filters= --test_tag_filters= \
        //client/python/native:under_asan
      ;;
    ubsan | tsan) bazel_test "$step" "--config=$step" //... ;;
    clang) single clang bazel build --config=clang //... ;;
    fuzz)
      while read -r target; do
        single "fuzz" tests/fuzz/run.sh "$target" "${FUZZ_SECONDS:-15}"
      done < <(tests/fuzz/run.sh --list)
      ;;
    sim) single sim bazel run -c opt //tests/sim -- --first 1 --seeds "${SIM_SEEDS:-4000}" ;;
    bench)
      single bench tests/bench/bench.py --quick
      single bench bazel run -c opt //client/cpp:typed_bench
      ;;
    deploy) deploy_tests ;;
    quickstart) single quickstart deploy/quickstart.sh ;;
    readme) single readme tests/readme.sh ;;
    *)
      echo "$0: unknown step \"$step\"" >&2
      exit 2
      ;;
  esac
done

awk '{ passed += $2; failed += $4; skipped += $6 }
     END { printf "%d passed, %d failed", passed, failed
           if (skipped) printf ", %d skipped", skipped
           print ""
           exit failed != 0 || passed == 0 }' "$results"
