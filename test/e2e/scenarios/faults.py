# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a probe: the target computes what it computes without one, and every hit is accounted for."""
import contextlib
import os
import signal
import subprocess
import time

import fixtures
import harness
from harness import accounted, check, check_equal
from registry import scenario
from scenarios_shared import function_bytes, reserve_line

FLAGS = ("-std=c++20", "-O1", "-g")
EVERY_HIT = ("--rate", "0", "--budget", "400%")
RESTARTS = int(os.environ.get("DLOG_FAULT_RESTARTS", "3"))  # 100 in the long form
STOPPED_S = float(os.environ.get("DLOG_FAULT_STOPPED_S", "3"))  # 10 in the long form


def faults():
    return fixtures.compile_program("faults", ["faults.cc"], *FLAGS, "-ldl")


def logpoint_line():
    return f"faults.cc:{harness.source_line('test/e2e/programs/faults.cc', '// the logpoint')}"


@contextlib.contextmanager
def target(env, *args, program=None, prefix=()):
    """A running faults that waits for its line; yields its Popen."""
    with env.running([*prefix, program or faults(), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        if args[0] != "leader":
            check_equal(child.stdout.readline(), "ready\n", "first line")
        yield child


def finish(child, count):
    """Lets it run to its end."""
    out, _ = child.communicate("\n", timeout=120)
    check_equal((child.returncode, out), (0, f"passed {count}\n"), "exit status and own count")


def check_hits(env, logpoint, count):
    counters = harness.wait_until(
        lambda: (found := env.counters(logpoint))["hits"] >= count and accounted(found) == found["hits"] and found, 20,
        f"{count} hits, all accounted for")
    check_equal(counters["hits"], count, "hits")
    env.ctl_ok("rm", logpoint)
    return counters


def whole_run(env, *args, count, program=None):
    """A logpoint on the file, made before the process: the program's own count is the number of hits."""
    logpoint = env.add_detached("-x", program or faults(), logpoint_line(), "{n} {text}", *EVERY_HIT)
    with target(env, *args) as child:
        finish(child, count)
    return check_hits(env, logpoint, count)


def followed_run(env, text, *args, count):
    """The events of a whole run."""
    with env.following("-o", "json", "log", "-x", faults(), logpoint_line(), text, *EVERY_HIT) as log:
        harness.wait_until(lambda: " logs at " in log.err.read_text(), 20, "the logpoint is active")
        with target(env, *args) as child:
            finish(child, count)
        return harness.parse_json_lines("\n".join(log.wait_for_lines(count)))


@scenario("faults/target that forks 1,000 times", needs=("bpf", "g++"))
def forks(env):
    whole_run(env, "fork", "1000", count=1000)


@scenario("faults/children of a target chosen by its id run on untouched and uncounted", needs=("bpf", "g++"))
def forks_of_one(env):
    with target(env, "fork", "200") as child:
        logpoint = env.add_detached("-p", child.pid, logpoint_line(), "{n}", *EVERY_HIT)
        finish(child, 200)
    harness.wait_until(lambda: harness.find_key(env.ctl_json("describe", logpoint), "state") == "finished", 20, "its end is told")
    check_equal(env.counters(logpoint)["hits"], 0, "hits of the process itself")


@scenario("faults/target that executes its program anew 100 times", needs=("bpf", "g++"))
def execs(env):
    whole_run(env, "exec", "100", count=100)


@scenario("faults/library that is loaded and unloaded 1,000 times", needs=("bpf", "g++"))
def loads(env):
    library = fixtures.compile_program("libfaults.so", ["faults.cc"], *FLAGS, "-DFAULTS_LIBRARY", "-fPIC", "-shared")
    whole_run(env, "load", "1000", str(library), count=1000, program=library)


@scenario("faults/storm of threads", needs=("bpf", "g++"))
def storm(env):
    whole_run(env, "storm", "4000", count=4000)


@scenario("faults/target with 2,000 threads", needs=("bpf", "g++"))
def many_threads(env):
    with target(env, "many", "2000") as child:
        logpoint = env.add_detached("-p", child.pid, logpoint_line(), "{n} {text}", *EVERY_HIT)
        child.stdin.write("\n")
        child.stdin.flush()
        check_equal(child.stdout.readline(), "passed 2000\n", "own count")
        child.wait(20)
    check_hits(env, logpoint, 2000)


@scenario("faults/target whose first thread has ended", needs=("bpf", "g++"))
def leader(env):
    with target(env, "leader", "500") as child:
        harness.wait_until(lambda: harness.process_state(child.pid) == "Z", 10, "the first thread has ended")
        logpoint = env.add_detached("-p", child.pid, logpoint_line(), "{n} {text}", *EVERY_HIT)
        finish(child, 500)
    check_hits(env, logpoint, 500)


@scenario("faults/freed and null pointers are shown as such", needs=("bpf", "g++"))
def freed(env):
    for event in followed_run(env, "{n} {text}", "freed", "300", count=300):
        number, text = event["values"]
        if number["value"] % 3 == 0:
            check_equal((text["status"], text["value"]), ("ok", "as it was"), "readable text")
        elif number["value"] % 3 == 1:
            check_equal(text["status"], "unreadable", f"text on a page that is gone: {text}")
        else:
            check("as it was" not in str(text), f"text of a null pointer: {text}")


@scenario("faults/values on pages that were taken out of memory", needs=("bpf", "g++"))
def pressure(env):
    events = followed_run(env, "{text}", "pressure", "200", env.tmp / "paged", count=200)
    check_equal({(event["values"][0]["status"], event["values"][0].get("value")) for event in events}, {("ok", "as it was")},
                "statuses and values")


@scenario("faults/target in a pid and mount namespace of its own", needs=("bpf", "g++", "unshare"))
def namespaces(env):
    with target(env, "loop", "500", prefix=("unshare", "--pid", "--mount", "--fork", "--kill-child")) as outer:
        inner = min(harness.wait_until(lambda: harness.children_of(outer.pid), 10, "the process inside"))
        logpoint = env.add_detached("-p", inner, logpoint_line(), "{n} {text}", *EVERY_HIT)
        finish(outer, 500)
    check_hits(env, logpoint, 500)


@scenario("faults/two daemons on one machine, one of them killed", needs=("bpf",))
def two_daemons(env):
    second = env.tmp / "second.sock"
    with env.shop("--pause-us", "1000") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "first {o.id}", *EVERY_HIT)
        other = env.spawn([env.bin / "dlogd", "--socket", second, "--metrics", "", "--state-dir", env.tmp / "second",
                           "--cache-dir", env.tmp / "cache"], stderr=subprocess.DEVNULL)
        try:
            harness.wait_until(second.exists, harness.DAEMON_START_TIMEOUT_S, "the second dlogd")
            result = env.ctl("--server", f"unix://{second}", "log", "-p", shop.pid, reserve_line(), "second {o.id}", "--hits", "20",
                             server=False)
            check_equal((result.returncode, len(result.stdout.splitlines())), (0, 20), f"events of the second: {result}")
            env.ctl_ok("--server", f"unix://{second}", "log", "-p", shop.pid, reserve_line(), "second {o.id}", "--detach",
                       server=False)
        finally:
            env.end(other, signal.SIGKILL)
        before = env.counters(logpoint)["emitted"]
        harness.wait_until(lambda: env.counters(logpoint)["emitted"] > before + 20, 20, "the first goes on")
        env.ctl_ok("rm", logpoint)
        check(harness.is_running(shop.pid), "shop is gone")


@scenario("faults/dlogd is killed and started again under load, again and again", daemon=False)
def restarts(env):
    state = env.tmp / "kept"
    with env.shop("--pause-us", "0") as shop:
        untouched = function_bytes(env, shop.pid)
        env.start_daemon("--state-dir", state)
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id} {o.items}", *EVERY_HIT)
        for _ in range(RESTARTS):
            harness.wait_until(lambda: env.counters(logpoint)["emitted"] > 100, 30, "events")
            env.stop_daemon(signal.SIGKILL)
            check(harness.is_running(shop.pid), "shop is gone")
            env.start_daemon("--state-dir", state)
        env.ctl_ok("rm", logpoint)
        harness.wait_until(lambda: function_bytes(env, shop.pid) == untouched, harness.KERNEL_SETTLE_S, "shop's code is as it was")
        check_equal(env.end(shop), 0, "shop's exit status")
    env.stop_daemon()


@scenario("faults/dlogd stands still while hits come: the ring fills, what is lost is counted", needs=("bpf", "g++"), daemon=False)
def stopped_daemon(env):
    daemon = env.start_daemon("--config", ring_config(env))
    logpoint = env.add_detached("-x", faults(), logpoint_line(), "{n} {text}", *EVERY_HIT)
    with target(env, "loop", "5000") as child:
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            finish(child, 5000)
            time.sleep(STOPPED_S)
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
    counters = check_hits(env, logpoint, 5000)
    check(sum(counters["dropped"].get(reason, 0) for reason in ("ring_full", "ring_share")) > 1000, f"losses: {counters}")
    check(counters["emitted"] > 100, f"what was in the ring is not lost: {counters}")
    env.stop_daemon()


def ring_config(env):
    config = env.tmp / "ring.yml"
    config.write_text("attach:\n  ring-size: 64KiB\n  backend: uprobe_multi\n", encoding="utf-8")
    return config


@scenario("faults/a reader that stands still loses events and holds nobody up", needs=("bpf", "g++"))
def stopped_reader(env):
    with target(env, "loop", "60000") as child:
        logpoint = env.add_detached("-p", child.pid, logpoint_line(), "{n} {text}", *EVERY_HIT)
        with env.following("-o", "json", "tail", logpoint) as tail:
            time.sleep(0.5)
            os.kill(tail.child.pid, signal.SIGSTOP)
            try:
                started = time.monotonic()
                child.stdin.write("\n")
                child.stdin.flush()
                check_equal(child.stdout.readline(), "passed 60000\n", "own count")
                time.sleep(max(0.0, STOPPED_S - (time.monotonic() - started)))
                child.wait(20)
                check_hits(env, logpoint, 60000)
            finally:
                os.kill(tail.child.pid, signal.SIGCONT)
            harness.wait_until(lambda: tail.child.poll() is not None, 60, "tail ends with its logpoint")


@scenario("faults/one of two sites is unsafe: the other works, the missing one is told", needs=("bpf", "g++"))
def one_unsafe_site(env):
    program = fixtures.compile_program("unsafe-either", ["unsafe.cc"], *FLAGS)
    line = f"unsafe.cc:{harness.source_line('test/e2e/programs/unsafe.cc', '// either')}"
    with env.running([program]) as child:
        result = env.ctl("log", "-p", child.pid, line, "passed", "--site=exact", "--hits", "3")
        check_equal((result.returncode, result.stdout.count("passed")), (3, 3), f"exit status and events: {result}")
        check("1 of 2 sites" in result.stderr and "Either<false>" in result.stderr and "LOCK" in result.stderr, str(result))
        env.ctl("log", "-p", child.pid, line, "passed", "--site=exact", "--detach")
        logpoint = harness.find_key(env.logpoints(), "id")
        described = env.ctl_json("describe", logpoint)
        check_equal((len(described["resolved"]["sites"]), len(described["resolved"]["refused"])), (1, 1), "sites and refused")
        env.ctl_ok("rm", logpoint)
        check(child.poll() is None, "the target is gone")


@scenario("faults/perf events instead of uprobe_multi links", needs=("bpf", "g++"), daemon=False)
def perf_events(env):
    config = env.tmp / "perf.yml"
    config.write_text("attach:\n  backend: perf\n", encoding="utf-8")
    env.start_daemon("--config", config)
    whole_run(env, "storm", "800", count=800)
    with target(env, "fork", "50") as child:
        logpoint = env.add_detached("-p", child.pid, logpoint_line(), "{n}", *EVERY_HIT)
        finish(child, 50)
    check_equal(env.counters(logpoint)["hits"], 0, "hits of the children")
    env.ctl_ok("rm", logpoint)
    env.stop_daemon()
