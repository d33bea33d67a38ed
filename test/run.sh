#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every test, from a bare machine: installs what is missing, builds, runs unit tests, kernel tests and end-to-end tests.
#
#   sudo test/run.sh [--preset dev] [--asan] [--lint] [--oracle] [--sites] [--fuzz SECONDS] [--unit-only]
#
# --asan       also builds the `asan` preset and runs the unit tests in it
# --lint       also runs test/lint.sh --no-tidy (clang-tidy over everything takes too long for each run)
# --oracle     also runs the short form of test/oracle/run.sh (dlog against gdb)
# --fuzz N     also runs every fuzzer of test/fuzz for N seconds
# --unit-only  leaves the end-to-end tests out
#
# Ends with exactly one line `N passed, N failed, N skipped`, which counts test cases; exit status 1 when one failed.
# A test that needs what the machine lacks is skipped and says why; with CI=true or DLOG_REQUIRE_BPF=1 skipping an eBPF test
# is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=dev
asan=false
lint=false
oracle=false
sites=false
fuzz=0
end_to_end=true
while [ $# -gt 0 ]; do
  case "$1" in
    --preset)
      preset=${2:?--preset needs a name}
      shift
      ;;
    --asan) asan=true ;;
    --lint) lint=true ;;
    --oracle) oracle=true ;;
    --sites) sites=true ;;
    --fuzz)
      fuzz=${2:?--fuzz needs a number of seconds}
      shift
      ;;
    --unit-only) end_to_end=false ;;
    *)
      echo "usage: test/run.sh [--preset NAME] [--asan] [--lint] [--oracle] [--fuzz SECONDS] [--unit-only]" >&2
      exit 2
      ;;
  esac
  shift
done
[ "${CI:-}" != true ] || export DLOG_REQUIRE_BPF=1

step() { printf '\n== %s\n' "$*"; }

results=()

build() {
  step "building ($1)"
  cmake --preset "$1" >"build/configure-$1.log" 2>&1 || { tail -30 "build/configure-$1.log" >&2 && exit 1; }
  cmake --build --preset "$1"
}

# The results, also those of failed tests, are read by summary.py.
unit_tests() {
  step "unit and kernel tests ($1)"
  rm -f "build/$1/ctest.xml"
  ctest --test-dir "build/$1" --output-on-failure --timeout 600 --no-tests=error --output-junit ctest.xml \
    --test-output-size-passed 10000000 --test-output-size-failed 10000000 || true
  results+=("build/$1/ctest.xml")
}

step "packages"
deploy/install-deps.sh build test
echo "all there"
mkdir -p build

build "$preset"
unit_tests "$preset"
if $asan; then
  build asan
  unit_tests asan
fi
if $end_to_end; then
  step "end-to-end tests ($preset)"
  # Failed cases are counted by summary.py; a runner that did not get to its last line is a failure of its own.
  python3 -B test/e2e/run.py --bin "build/$preset/bin" 2>&1 | tee "build/$preset/e2e.log" || true
  grep -q '^e2e: ' "build/$preset/e2e.log" || echo "FAIL the end-to-end runner ended early" | tee -a "build/$preset/e2e.log"
  results+=("build/$preset/e2e.log")
fi
if $oracle; then
  step "oracle, short form ($preset)"
  # `ok NAME: ...` is a passed case; the last line must have come.
  DLOG_BIN=build/$preset/bin test/oracle/run.sh --short 2>&1 | sed -E 's/^ok +/PASS oracle\//; s/^FAIL +/FAIL oracle\//' |
    tee "build/$preset/oracle.log" || true
  grep -q '^[0-9]* passed, ' "build/$preset/oracle.log" || echo "FAIL the oracle ended early" | tee -a "build/$preset/oracle.log"
  results+=("build/$preset/oracle.log")
fi
if $sites; then
  step "moved probes against the statements' own, short form ($preset)"
  test/sites/run.sh --short --bin "build/$preset/bin" 2>&1 | tee "build/$preset/sites.log" || true
  grep -q ' executions in all$' "build/$preset/sites.log" || echo "FAIL the site checker ended early" | tee -a "build/$preset/sites.log"
  results+=("build/$preset/sites.log")
fi
if [ "$fuzz" != 0 ]; then
  step "fuzzers, $fuzz s each"
  if ! test/fuzz/run.sh "$fuzz" >"build/fuzz.log" 2>&1 && ! grep -q '^FAIL' "build/fuzz.log"; then
    tail -30 "build/fuzz.log"
    echo "FAIL the fuzzers did not run to their end" >>"build/fuzz.log"
  fi
  # A failed fuzzer's end tells what it met: the sanitizer's report or libFuzzer's complaint.
  grep -E '^(PASS|FAIL|SUMMARY|==[0-9]+==|ALARM|    #[0-9] |artifact_prefix|Base64)' "build/fuzz.log" || true
  results+=("build/fuzz.log")
fi
if $lint; then
  step "lint"
  if test/lint.sh --no-tidy; then echo "PASS lint"; else echo "FAIL lint"; fi | tee "build/lint.log"
  results+=("build/lint.log")
fi

echo
python3 -B test/summary.py "${results[@]}"
