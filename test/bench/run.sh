#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The numbers that dlog promises, measured in one run on this machine: ratios and limits, not absolute figures.
#
#   sudo test/bench/run.sh [--no-build]
#
# Prints each limit beside its number. Exit status 1 only when something could not be measured: a number fails nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" != --no-build ]; then
  deploy/install-deps.sh build test bench
  mkdir -p build
  cmake --preset release >build/configure-release.log 2>&1 || { tail -30 build/configure-release.log >&2 && exit 1; }
  cmake --build --preset release
fi

echo "== cost of a hit"
build/release/bin/bench_hit_cost | awk '
  { print }
  /^logpoint, 4 registers/ {
    ratio = $NF
    printf "%s a logpoint with 4 registers costs %.2fx an empty program; limit 1.40x\n", ratio + 0 <= 1.4 ? "ok:" : "MISSED:", ratio + 0
  }'
echo "== time to attach"
python3 -B test/bench/attach_time.py --bin build/release/bin
echo "== many sites"
build/release/bin/bench_attach_many
echo "== what a logpoint costs the daemon"
python3 -B test/bench/daemon_cost.py --bin build/release/bin
echo "== resolving a line of libjvm.so"
python3 -B test/bench/resolve_cost.py --bin build/release/bin
echo "== capturing containers"
python3 -B test/bench/capture_cost.py --bin build/release/bin
echo "== a captured event to JSON"
build/release/bin/bench_render_cost
echo "== what logpoints cost"
python3 -B test/bench/engine_rows.py --bin build/release/bin
echo "== events at the other end"
python3 -B test/bench/pipeline_rows.py --bin build/release/bin
echo "== fifty nodes"
python3 -B test/bench/fleet_add.py --bin build/release/bin
