#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh SECONDS [TARGET...]: builds the fuzz targets (all fuzz_*.cc here, or the named ones) and runs each for SECONDS.
# New inputs stay in the build folder's corpus/TARGET; a crash stops the run and leaves its input beside it.
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

for target in "${targets[@]}"; do
  corpus=$build/corpus/$target
  mkdir -p "$corpus"
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
           -artifact_prefix="$corpus/../$target-")
  if [[ -f $here/dictionaries/$target.dict ]]; then
    options+=(-dict="$here/dictionaries/$target.dict")
  fi
  folders=("$corpus")
  [[ ! -d $here/corpus/$target ]] || folders+=("$here/corpus/$target")
  echo "== $target, $seconds s"
  "$build/bin/$target" "${options[@]}" "${folders[@]}" 2>&1 | grep -vE '^#[0-9]+.*(NEW|REDUCE|pulse|RELOAD)' || {
    status=${PIPESTATUS[0]}
    [[ $status -eq 0 ]] || exit "$status"
  }
done
