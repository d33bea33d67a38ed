#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a logpoint costs the daemon: time in the worker, and the daemon's own memory.

    test/bench/daemon_cost.py [--bin build/release/bin]

Worker: from spawn to answer, as dlogd sees it, for a line of shop; and the processor time of dlog-symbolizer for it.
Memory: what RssAnon of dlogd grows by for each of LOGPOINTS logpoints, on shop.
"""
import argparse
import pathlib
import resource
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
from scenarios_shared import reserve_line  # noqa: E402

WORKER_LIMIT_MS = 20
MEMORY_LIMIT_MIB = 2
LOGPOINTS = 40
TEMPLATE = "order {o.id} {o.customer} {o.items} {total}"


def anonymous_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise harness.Failure("no RssAnon")


def growth(env, daemon, target, location, template):
    """KiB per logpoint; the first few warm allocators and pools up and are not counted."""
    ids = [env.add_detached("-p", target.pid, location, template) for _ in range(5)]
    before = anonymous_kib(daemon.pid)
    ids += [env.add_detached("-p", target.pid, location, template) for _ in range(LOGPOINTS)]
    after = anonymous_kib(daemon.pid)
    for logpoint in ids:
        env.ctl_ok("rm", logpoint)
    return (after - before) / LOGPOINTS


def processor_ms(env):
    """Of one `dlogctl explain`, worker included, less one `dlogctl --version`."""
    def cost(*args):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([env.bin / "dlogctl", *args], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000

    explain = [cost("explain", "--binary", env.bin / "shop", reserve_line(), TEMPLATE) for _ in range(15)]
    return statistics.median(explain) - statistics.median([cost("--version") for _ in range(15)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(harness.REPOSITORY / "build" / "release" / "bin"))
    env = harness.Environment(parser.parse_args().bin, require_bpf=True)
    try:
        daemon = env.start_daemon()
        with env.shop() as shop:
            times = []
            for _ in range(25):
                logpoint = env.add_detached("-p", shop.pid, reserve_line(), TEMPLATE)
                times.append(harness.find_key(env.ctl_json("describe", logpoint), "resolve_ms"))
                env.ctl_ok("rm", logpoint)
            shop_kib = growth(env, daemon, shop, reserve_line(), TEMPLATE)
        worker_cpu = processor_ms(env)
    finally:
        env.close()
    median = statistics.median(times)
    print(f"worker, shop: {median:.1f} ms from spawn to answer (min {min(times):.1f}, max {max(times):.1f}, {len(times)} runs), "
          f"{worker_cpu:.1f} ms of processor time; limit {WORKER_LIMIT_MS} ms: {'ok' if median <= WORKER_LIMIT_MS else 'MISSED'}")
    print(f"dlogd, shop: {shop_kib:.0f} KiB for each of {LOGPOINTS} logpoints; limit {MEMORY_LIMIT_MIB} MiB: "
          f"{'ok' if shop_kib <= MEMORY_LIMIT_MIB * 1024 else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
