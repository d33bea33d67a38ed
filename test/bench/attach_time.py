#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From `dlogctl log` to attached, for shop: wall time of a whole `dlogctl log ... --detach`, which returns when the probe is in.

    test/bench/attach_time.py [--bin build/release/bin]

Prints one line per kind, with the limit beside it. A number fails nothing.
"""
import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
from scenarios_shared import reserve_line  # noqa: E402

LIMIT_MS = 200
RUNS = 15


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(harness.REPOSITORY / "build" / "release" / "bin"))
    env = harness.Environment(parser.parse_args().bin, require_bpf=True)
    try:
        env.start_daemon()
        with env.shop() as shop:
            times = []
            for _ in range(RUNS):
                started = time.monotonic()
                logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id} {o.customer} {o.items} {total}")
                times.append((time.monotonic() - started) * 1000)
                env.ctl_ok("rm", logpoint)
            started = time.monotonic()
            env.ctl_ok("log", "-p", shop.pid, reserve_line(), "order {o.id}", "--hits", "1")
            first_line = (time.monotonic() - started) * 1000
    finally:
        env.close()
    median = statistics.median(times[1:])
    print(f"attach: first {times[0]:.0f} ms, then median {median:.0f} ms (min {min(times[1:]):.0f}, max {max(times[1:]):.0f}, "
          f"{RUNS - 1} runs); limit {LIMIT_MS} ms: {'ok' if median <= LIMIT_MS else 'MISSED'}")
    print(f"attach: `dlogctl log --hits 1` to its end {first_line:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
