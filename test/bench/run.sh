#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The numbers that dlog promises, measured in one run on this machine: ratios and limits, not absolute figures.
#
#   sudo test/bench/run.sh [--no-build]
#
# Exit status 1 when a limit is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ "${1:-}" != --no-build ]; then
  deploy/install-deps.sh build test bench
  mkdir -p build
  cmake --preset release >build/configure-release.log 2>&1 || { tail -30 build/configure-release.log >&2 && exit 1; }
  cmake --build --preset release
fi

status=0
echo "== cost of a hit"
build/release/bin/bench_hit_cost || status=1
echo "== time to attach"
python3 -B test/bench/attach_time.py --bin build/release/bin || status=1
exit "$status"
