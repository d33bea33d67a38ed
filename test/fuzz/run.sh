#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh SECONDS [TARGET...]: builds the fuzz targets (all fuzz_*.cc here, or the named ones) and runs each for SECONDS.
# New inputs stay in the build folder's corpus/TARGET, the output beside it, and the input of a crash too. Exit status 1 when one
# crashed, was too slow or took too much memory.
# DLOG_FUZZ_BUILD names another build folder that is configured already.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
if [[ $# -lt 1 || ! $1 =~ ^[0-9]+$ ]]; then
  echo "usage: $0 SECONDS [TARGET...]" >&2
  exit 2
fi
seconds=$1
shift

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for source in "$here"/fuzz_*.cc; do
    targets+=("$(basename "$source" .cc)")
  done
fi

build=${DLOG_FUZZ_BUILD:-$root/build/fuzz}
if [[ ! -f $build/build.ninja ]]; then
  cmake -S "$root" -B "$build" --preset fuzz
fi
ninja -C "$build" "${targets[@]}"

# Runs one target; its output goes to corpus/../TARGET.log.
fuzz() {
  local target=$1 corpus=$build/corpus/$1 log=$build/corpus/$1.log
  mkdir -p "$corpus"
  local options=(-max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -print_final_stats=1
                 -artifact_prefix="$build/corpus/$target-")
  if [[ -f $here/dictionaries/$target.dict ]]; then
    options+=(-dict="$here/dictionaries/$target.dict")
  fi
  local folders=("$corpus")
  [[ ! -d $here/corpus/$target ]] || folders+=("$here/corpus/$target")
  if "$build/bin/$target" "${options[@]}" "${folders[@]}" >"$log" 2>&1; then
    echo "PASS fuzz/$target ($seconds s, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs)"
  else
    echo "FAIL fuzz/$target: see $log"
    tail -40 "$log"
    return 1
  fi
}

# Two at a time on two cores, and so on.
failed=0
running=0
for target in "${targets[@]}"; do
  if [[ $running -ge $(nproc) ]]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while [[ $running -gt 0 ]]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
