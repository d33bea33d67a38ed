#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time and peak memory to find a line in a huge library, dlog beside gdb in one run.

usage: resolve_cost.py --bin build/release/bin [--library PATH] [--location FILE:LINE] [--runs 5]

cold: an empty cache directory; warm: the same request again. Peak memory is the largest single process of the command. Runs as
an unprivileged user, offline (`dlogctl explain --binary`), so that nothing of this machine's dlogd or cache takes part.
"""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

NOBODY = 65534


def run(command, env=None):
    """Wall seconds and peak MiB of a command that must succeed."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                             user=NOBODY, group=NOBODY, extra_groups=[])
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begin
    if child.returncode != 0:
        sys.exit(f"resolve_cost: {' '.join(command)} failed: {output.decode(errors='replace')[-500:]}")
    return wall, usage.ru_maxrss / 1024


def median(samples):
    return statistics.median(s[0] for s in samples), statistics.median(s[1] for s in samples)


def verdict(name, value, limit):
    print(f"{'ok:    ' if value <= limit else 'MISSED:'} {name} {value:.3f}x gdb's; goal {limit}x")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--library", default="")
    parser.add_argument("--location", default="g1CollectedHeap.cpp:359")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    library = args.library or next(iter(glob.glob("/usr/lib/jvm/java-*-openjdk-amd64/lib/server/libjvm.so")), "")
    if not library or not shutil.which("gdb"):
        print("SKIP: needs gdb and libjvm.so with its debug file (openjdk-17-dbg)")
        return
    gdb = ["gdb", "-nx", "-batch", "-ex", "set auto-load off", "-ex", f"break {args.location}", library]
    dlog = [os.path.join(os.path.abspath(args.bin), "dlogctl"), "explain", "--binary", library, args.location, "{this}"]

    with tempfile.TemporaryDirectory(prefix="dlog-bench-") as scratch:
        os.chmod(scratch, 0o755)
        run(gdb)  # the files are in the page cache for both from here on
        gdb_wall, gdb_memory = median([run(gdb) for _ in range(3)])
        cold, warm = [], []
        for i in range(3):
            cache = os.path.join(scratch, f"cache{i}")
            os.mkdir(cache)
            os.chown(cache, NOBODY, NOBODY)
            env = dict(os.environ, XDG_CACHE_HOME=cache, HOME=cache)
            cold.append(run(dlog, env))
            warm += [run(dlog, env) for _ in range(args.runs)]
            shutil.rmtree(cache)
    (cold_wall, cold_memory), (warm_wall, warm_memory) = median(cold), median(warm)
    print(f"{'':12}{'wall s':>10}{'peak MiB':>10}")
    for name, wall, memory in (("gdb break", gdb_wall, gdb_memory), ("dlog cold", cold_wall, cold_memory),
                               ("dlog warm", warm_wall, warm_memory)):
        print(f"{name:12}{wall:10.3f}{memory:10.0f}")
    verdict("cold wall time", cold_wall / gdb_wall, 0.35)
    verdict("cold peak memory", cold_memory / gdb_memory, 0.25)
    verdict("warm wall time", warm_wall / gdb_wall, 0.02)
    print(f"{'ok:    ' if warm_memory <= 100 else 'MISSED:'} warm peak memory {warm_memory:.0f} MiB; goal 100 MiB")


main()
