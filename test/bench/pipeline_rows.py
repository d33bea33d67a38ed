#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What comes out at the other end of dlogd, and how soon.

    sudo test/bench/pipeline_rows.py [--bin build/release/bin] [--seconds 600] [ROW...]

Rows: latency, file, otlp, memory. `--seconds` is how long the file sink is kept busy. Prints each number with its limit. A
number fails nothing. The target, dlogd and the reader need three CPUs to run beside each other.
"""
import argparse
import gzip
import http.server
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import fixtures  # noqa: E402
import harness  # noqa: E402
import sink_checks  # noqa: E402
from engine_rows import BENCH, UNLIMITED, cpu_seconds, report  # noqa: E402
from scenarios_shared import reserve_line  # noqa: E402

TEMPLATE = "paced {id} {sent}"
# No sink loses what a busy machine delivers late.
QUEUE = "queue=1000000"
OTLP_BATCH = 2048


def paced():
    program = fixtures.compile_program("paced", [BENCH / "paced_target.cc"], "-std=c++20", "-O2", "-g")
    return program, f"paced_target.cc:{harness.source_line('test/bench/paced_target.cc', '// MARK: paced')}"


def run_paced(per_second, seconds):
    """Runs the target to its end; returns (calls, calls per second)."""
    program, _ = paced()
    words = subprocess.run([program, str(per_second), str(seconds)], capture_output=True, text=True, check=True).stdout.split()
    return int(words[0]), int(words[0]) / float(words[3])


def settled(env, logpoint, calls):
    return harness.wait_until(
        lambda: (found := env.counters(logpoint))["hits"] >= calls and harness.accounted(found) == found["hits"] and found, 60,
        "every hit is accounted for")


def latency(env):
    program, where = paced()
    reader = fixtures.compile_program("line-latency", [BENCH / "line_latency.cc"], "-std=c++20", "-O2")
    env.start_daemon()
    for per_second, limit_ms in ((1000, 20), (100000, 100)):
        argv = env.ctl_argv("log", "-x", program, where, TEMPLATE, *UNLIMITED)
        with env.running(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as log:
            with subprocess.Popen([reader], stdin=log.stdout, stdout=subprocess.PIPE, text=True) as ages:
                log.stdout.close()
                harness.wait_until(lambda: [each for each in env.logpoints() if each["state"] == "active"], 20, "the logpoint is there")
                time.sleep(1)
                calls, rate = run_paced(per_second, 10)
                time.sleep(1)
                env.ctl_ok("rm", "--all")
                lines, p50, p99, worst = ages.communicate(timeout=60)[0].split()
        report(f"hit to line of dlogctl at {rate:,.0f} events/s", f"p50 {p50} ms, p99 {p99} ms, max {worst} ms; {lines} of {calls} "
               f"lines came", f"p99 <= {limit_ms} ms", float(p99) <= limit_ms)
    env.stop_daemon()


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise harness.Failure("no VmRSS")


def slope(samples):
    """MiB an hour, by least squares over (seconds, MiB)."""
    fit = statistics.linear_regression(*zip(*samples))
    return fit.slope * 3600


def sustained(env, name, per_second, seconds, limit):
    """A running dlogd with one sink called `name`; reports losses, processor time and the slope of its memory."""
    program, where = paced()
    daemon = env.daemon_process
    logpoint = env.add_detached("-x", program, where, TEMPLATE, *UNLIMITED, "--ttl", "2h")
    samples, stop = [], threading.Event()

    def sample():
        started = time.monotonic()
        while not stop.wait(max(0.2, seconds / 300)):
            samples.append((time.monotonic() - started, resident_mib(daemon.pid)))

    thread = threading.Thread(target=sample)
    cpu = cpu_seconds(daemon.pid)
    thread.start()
    calls, rate = run_paced(per_second, seconds)
    stop.set()
    thread.join()
    counters = settled(env, logpoint, calls)
    delivered, dropped = sink_checks.wait_for_account(env, name, counters["emitted"])
    cpu = cpu_seconds(daemon.pid) - cpu
    env.ctl_ok("rm", logpoint)
    tenths = [f"{samples[len(samples) * n // 10][1]:.1f}" for n in range(10)] + [f"{samples[-1][1]:.1f}"]
    print(f"  MiB resident at each tenth of the time: {' '.join(tenths)}", flush=True)
    settled_part = samples[len(samples) // 4:]  # allocators and queues have found their size
    lost = sum(counters["dropped"].values()) + sum(dropped.values())
    report(f"{per_second:,} events/s to {name} for {seconds:g} s",
           f"{rate:,.0f}/s came, {delivered:,} delivered, {lost:,} lost {counters['dropped'] or ''}{dropped or ''}; dlogd "
           f"{1e6 * cpu / max(1, delivered):.2f} us an event; resident {settled_part[0][1]:.1f} to {settled_part[-1][1]:.1f} MiB, slope "
           f"{slope(settled_part):+.1f} MiB/h", limit, lost == 0 and rate > 0.98 * per_second)
    return delivered


def file(env, seconds):
    path = env.tmp / "paced.json"
    with sink_checks.daemon_with(env, "--sink", f"file:{path},rotate-size=64MiB,keep=2,{QUEUE}"):
        sustained(env, "file", 100000, seconds, "0 lost, RSS flat")


class Counting(http.server.BaseHTTPRequestHandler):
    """Takes everything; counts the records by their text, as it stands in the bytes of the request."""
    protocol_version = "HTTP/1.1"
    records = 0
    lock = threading.Lock()

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        found = (gzip.decompress(raw) if self.headers["Content-Encoding"] == "gzip" else raw).count(b"paced ")
        with Counting.lock:
            Counting.records += found
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def otlp(env):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = env.tmp / "otlp-bench.yaml"
    config.write_text(f"sinks:\n- kind: otlp\n  address: http://127.0.0.1:{server.server_address[1]}\n  queue: 1000000\n"
                      f"  batch: {OTLP_BATCH}\n")
    try:
        with sink_checks.daemon_with(env, "--config", config):
            delivered = sustained(env, "otlp", 50000, 30, "0 lost")
            print(f"  the receiver counted {Counting.records:,} records, the sink {delivered:,}", flush=True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def memory(env, count=1000):
    documents = env.tmp / "many.yaml"
    documents.write_text("---\n".join(
        f"name: n{n}\ntarget: {{exe: {env.bin / 'shop'}}}\nlocation: {reserve_line()}\ntext: '{n} {{o.id}}'\nrate: 1/s\n"
        for n in range(count)))
    daemon = env.start_daemon()
    time.sleep(1)
    idle = resident_mib(daemon.pid)
    env.ctl_ok("apply", "-f", documents, timeout_s=600)
    time.sleep(2)
    many = resident_mib(daemon.pid)
    active = sum(1 for each in env.logpoints() if each["state"] in ("active", "throttled"))
    report("resident, idle", f"{idle:.1f} MiB", "<= 40 MiB", idle <= 40)
    report(f"resident, {active} logpoints that were resolved here", f"{many:.1f} MiB", "<= 120 MiB", many <= 120 and active == count)
    env.ctl_ok("rm", "--all", timeout_s=120)
    env.stop_daemon()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default=str(harness.REPOSITORY / "build" / "release" / "bin"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    args = parser.parse_args()
    env = harness.Environment(args.bin, require_bpf=True)
    rows = {"latency": latency, "file": lambda env: file(env, args.seconds), "otlp": otlp, "memory": memory}
    try:
        for row in args.rows or rows:
            print(f"-- {row} (load {os.getloadavg()[0]:.1f})", flush=True)
            rows[row](env)
    finally:
        env.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
