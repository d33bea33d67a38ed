#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time to add one logpoint to fifty nodes (three of them real dlogd, see test/e2e/scenarios/fleet.py), over mutual TLS.

    sudo test/bench/fleet_add.py [--bin build/release/bin] [--runs 5]

Wall time needs as many free CPUs as it says; processor time of dlogctl and of all nodes together is what fifty nodes share
here, and what each has to itself elsewhere.
"""
import argparse
import contextlib
import os
import pathlib
import resource
import statistics
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "e2e"),
                str(pathlib.Path(__file__).resolve().parents[1] / "e2e" / "scenarios")]

import fleet as fleets  # noqa: E402
import harness  # noqa: E402
from scenarios_shared import reserve_line  # noqa: E402

LIMIT_S = 1.0


def processor_s(pids):
    """Of these processes and the children they have waited for: utime, stime, cutime, cstime."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def own_children_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(harness.REPOSITORY / "build" / "release" / "bin"))
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    env = harness.Environment(args.bin, require_bpf=True)
    try:
        with contextlib.ExitStack() as stack:
            fleet = fleets.Fleet(env, stack)
            fleet.start(env)
            stack.enter_context(env.shop("--pause-us", "20000"))
            pids = [child.pid for child in fleet.processes.values()]
            walls = []
            for command in ("log", "ls") * args.runs:
                before, own = processor_s(pids), own_children_s()
                words = ("log", "-x", env.bin / "shop", reserve_line(), "order {o.id}", "--detach") if command == "log" else ("ls",)
                result = fleet.ctl("-o", "json", *words)
                harness.check_equal(result.returncode, 0, f"{result}")
                print(f"{command:4} {result.seconds:5.2f} s; processor time: dlogctl {own_children_s() - own:.2f} s, all nodes "
                      f"{processor_s(pids) - before:.2f} s; load {os.getloadavg()[0]:.1f}", flush=True)
                if command == "log":
                    walls.append(result.seconds)
            fleet.ctl("rm", "--all")
    finally:
        env.close()
    best = min(walls)
    print(f"one logpoint on {fleets.NODES} nodes: median {statistics.median(walls):.2f} s, best {best:.2f} s; limit {LIMIT_S:.0f} s: "
          f"{'ok' if statistics.median(walls) <= LIMIT_S else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
