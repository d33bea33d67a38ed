# SPDX-License-Identifier: Apache-2.0
"""What outlives what: dead daemons, dead targets, and the account of every hit."""
import os
import re
import signal
import subprocess
import time

import harness
from harness import accounted, check, check_equal
from registry import scenario
from scenarios_shared import function_bytes, reserve_line


def gone(env, links, programs):
    """Waits until none of the BPF objects exists any more."""
    harness.wait_until(lambda: not links & set(env.kernel.links()), harness.KERNEL_SETTLE_S, "the links are gone")
    harness.wait_until(lambda: not programs & set(env.kernel.programs()), harness.KERNEL_SETTLE_S, "the BPF programs are gone")


def held(env):
    """(links, programs) of dlogd; a test of their end would prove nothing without any."""
    links, programs = (env.kernel.owned(kind, env.daemon_process.pid) for kind in ("link", "prog"))
    check(links and links <= set(env.kernel.links()), f"dlogd holds no link: {links}")
    check(programs and programs <= set(env.kernel.programs()), f"dlogd holds no program: {programs}")
    return links, programs


@scenario("lifecycle/kill -9 of dlogd under load leaves nothing behind", daemon=False)
def kill_under_load(env):
    with env.shop("--pause-us", "0") as shop:
        untouched = function_bytes(env, shop.pid)
        env.start_daemon()
        env.add_detached("-p", shop.pid, reserve_line(), "order {o.id} {o.items} {o.customer}", "--rate", "0", "--budget",
                         "400%")
        links, programs = held(env)
        check(function_bytes(env, shop.pid) != untouched, "no breakpoint: the test would prove nothing")
        time.sleep(1)
        env.daemon_process.kill()
        env.daemon_process.wait()
        env.forget_daemon()
        gone(env, links, programs)
        harness.wait_until(lambda: function_bytes(env, shop.pid) == untouched, harness.KERNEL_SETTLE_S,
                           "shop's code is as it was")
        check(harness.is_running(shop.pid), "shop is gone")
        status = env.end(shop)
        check_equal(status, 0, "shop's exit status")


@scenario("lifecycle/SIGTERM detaches, answers the clients and ends with 0", daemon=False)
def terminate(env):
    with env.shop() as shop:
        untouched = function_bytes(env, shop.pid)
        env.start_daemon()
        env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        links, programs = held(env)
        with env.following("tail") as tail:
            tail.wait_for_lines(2)
            check_equal(env.stop_daemon(), 0, "dlogd's exit status")
            harness.wait_until(lambda: tail.child.poll() is not None, 10, "tail ends with its daemon")
        gone(env, links, programs)
        check_equal(function_bytes(env, shop.pid), untouched, "shop's code")
        check(not env.socket_path.exists(), "the socket file is left")


@scenario("lifecycle/daemon starts over the socket of a killed one", daemon=False)
def restart(env):
    env.start_daemon()
    path = env.socket_path
    env.stop_daemon(signal.SIGKILL)
    check(path.exists(), "no stale socket: the test would prove nothing")
    child = env.spawn([env.bin / "dlogd", "--socket", path, "--metrics", f"127.0.0.1:{harness.free_port()}", "--state-dir",
                       env.tmp / "state", "--cache-dir", env.tmp / "cache"], stderr=subprocess.DEVNULL)
    try:
        harness.wait_until(lambda: env.ctl("ls").returncode == 0, harness.DAEMON_START_TIMEOUT_S, "ls works again", poll_s=0.3)
    finally:
        check_equal(env.end(child), 0, "dlogd's exit status")


@scenario("lifecycle/target that exits ends the log")
def target_exits(env):
    with env.shop("--orders", "600") as shop:
        result = env.ctl("log", "-p", shop.pid, reserve_line(), "order {o.id}", timeout_s=30)
        check(result.returncode in (0, 1), str(result))
        check(len(result.stdout.splitlines()) > 3, str(result))
        shop.wait(10)
        check_equal(shop.returncode, 0, "shop's exit status")


@scenario("lifecycle/target that is killed while logging")
def target_killed(env):
    with env.shop("--pause-us", "0") as shop:
        with env.following("log", "-p", shop.pid, reserve_line(), "order {o.id}") as log:
            log.wait_for_lines(5)
            shop.kill()
            shop.wait()
            harness.wait_until(lambda: log.child.poll() is not None, 15, "log ends with its target")


@scenario("lifecycle/every hit of a whole run is accounted for, by the target's own count")
def exact_hits(env):
    """-x attaches before the process exists, so shop's own count of its orders is the number of hits."""
    orders = 20000
    logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id} {o.items}", "--if", "total > 4000",
                                "--rate", "500/s", "--budget", "400%")
    with env.shop("--orders", str(orders), "--pause-us", "50") as shop:
        out, _ = shop.communicate(timeout=60)
    check_equal(out, f"handled {orders} orders\n", "shop's own count")
    counters = harness.wait_until(
        lambda: (found := env.counters(logpoint))["hits"] >= orders and accounted(found) == found["hits"] and found, 10,
        f"hits == {orders} == emitted + filtered + sampled out + rate limited + dropped")
    metrics = env.metrics()
    env.ctl_ok("rm", logpoint)
    check_equal(counters["hits"], orders, "hits")
    check(counters["filtered"] > 0 and counters["rate_limited"] > 0 and counters["emitted"] > 0, f"{counters}")
    label = frozenset({("logpoint", logpoint)})
    for name in ("hits", "emitted", "filtered", "rate_limited"):
        metric = f"dlog_logpoint_{'events' if name == 'emitted' else name}_total"
        check_equal(metrics.get((metric, label)), float(counters[name]), metric)


@scenario("lifecycle/stream of an unlimited logpoint carries every emitted event once")
def stream_is_complete(env):
    orders = 3000
    with env.following("-o", "json", "log", "-x", env.bin / "shop", reserve_line(), "order {o.id}", "--rate", "0",
                       "--budget", "400%") as log:
        harness.wait_until(lambda: env.logpoints(), 10, "the logpoint is there")
        logpoint = harness.find_key(env.logpoints(), "id") or "lp-1"
        time.sleep(0.3)
        with env.shop("--orders", str(orders), "--pause-us", "1000") as shop:
            shop.communicate(timeout=60)
        lines = log.wait_for_lines(orders, timeout_s=10)
        counters = env.counters(logpoint)
    ids = sorted(int(re.search(r"order (\d+)", event["message"])[1]) for event in harness.parse_json_lines("\n".join(lines)))
    check_equal(counters["emitted"], orders, f"emitted ({counters})")
    check_equal(ids, list(range(1, orders + 1)), "each order once")


@scenario("lifecycle/line far hotter than its rate neither loses the target nor the account")
def hot_line(env):
    with env.shop("--pause-us", "0") as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id} {o.customer} {o.items}", "--rate", "0",
                                     "--budget", "400%")
        time.sleep(3)
        removed = env.ctl_json("rm", logpoint)
        check(harness.is_running(shop.pid), "shop is gone")
        counters = env.counters_of(removed)
        check(counters["hits"] > 5000, f"hits in 3 s without a pause: {counters}")
        check_equal(accounted(counters), counters["hits"], f"hits, once nothing is in flight ({counters})")


@scenario("lifecycle/metrics of a logpoint die with it")
def metrics_end(env):
    with env.shop() as shop:
        logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id}")
        time.sleep(0.5)
        check(any(("logpoint", logpoint) in labels for _, labels in env.metrics()), "no metric of the logpoint")
        env.ctl_ok("rm", logpoint)
        check(not any(("logpoint", logpoint) in labels for _, labels in env.metrics()), "metrics of a removed logpoint")


@scenario("lifecycle/no privileges: dlogctl says so", needs=("bpf", "setpriv", "no default daemon"), daemon=False)
def unprivileged_client(env):
    with env.shop() as shop:
        result = env.ctl("log", "-p", shop.pid, reserve_line(), "x", server=False,
                         prefix=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set=-all",
                                 "--inh-caps=-all"))
        # 4 is "no daemon and not privileged" in the table of exit statuses.
        check_equal(result.returncode, 4, str(result))
        check_equal(len(result.stderr.splitlines()), 2, f"{result}\nlines on stderr")
        check(result.stderr.splitlines()[1].startswith("hint: "), str(result))


@scenario("lifecycle/no privileges: root without capabilities is refused", needs=("bpf", "setpriv"), daemon=False)
def unprivileged_daemon(env):
    result = env.spawn(["setpriv", "--bounding-set=-all", "--inh-caps=-all", env.bin / "dlogd", "--socket",
                        env.tmp / "no-caps.sock", "--metrics", f"127.0.0.1:{harness.free_port()}", "--state-dir",
                        env.tmp / "no-caps-state", "--cache-dir", env.tmp / "no-caps-cache"], stderr=-1, stdout=-1)
    try:
        _, err = result.communicate(timeout=20)
    finally:
        env.end(result)
    check_equal(result.returncode, 1, f"exit status ({err})")
    check("hint: " in err, f"no hint: {err}")


@scenario("lifecycle/no BTF: one clear line", needs=("bpf", "unshare", "no default daemon"), daemon=False)
def without_btf(env):
    hidden = env.tmp / "empty"
    hidden.mkdir()
    with env.shop() as shop:
        result = env.ctl("log", "-p", shop.pid, reserve_line(), "x", "--hits", "1", server=False, timeout_s=30, prefix=(
            "unshare", "-m", "sh", "-c", f'mount --bind {hidden} /sys/kernel/btf && exec "$@"', "sh"))
        check_equal(result.returncode, 1, str(result))
        check("BTF" in result.stderr and "hint: " in result.stderr, str(result))
        check(harness.is_running(shop.pid), "shop is gone")


@scenario("lifecycle/adding and removing again and again leaks nothing in dlogd")
def no_leak(env):
    def descriptors():
        return len(os.listdir(f"/proc/{env.daemon_process.pid}/fd"))

    with env.shop() as shop:
        for round_ in range(30):
            logpoint = env.add_detached("-p", shop.pid, reserve_line(), "order {o.id} {o.items}")
            env.ctl_ok("rm", logpoint)
            if round_ == 4:
                before = descriptors()
        after = harness.wait_until(lambda: descriptors() <= before + 2 and descriptors(), 10, f"no more than {before} descriptors")
        check(after <= before + 2, f"descriptors: {before} after 5 rounds, {after} after 30")


@scenario("lifecycle/-x covers every process of the file, now and later")
def every_process(env):
    with env.shop() as first:
        logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id}")
        with env.shop() as second, env.following("-o", "json", "tail", logpoint) as tail:
            def pids():
                return {event["pid"] for event in harness.parse_json_lines("\n".join(tail.lines()))}

            harness.wait_until(lambda: pids() >= {first.pid, second.pid}, 10, "events of both processes")
        env.ctl_ok("rm", logpoint)


@scenario("lifecycle/-p covers this process and no other")
def only_this_process(env):
    with env.shop() as first, env.shop() as second:
        logpoint = env.add_detached("-p", first.pid, reserve_line(), "order {o.id}")
        untouched = function_bytes(env, second.pid)
        with env.following("-o", "json", "tail", logpoint) as tail:
            events = harness.parse_json_lines("\n".join(tail.wait_for_lines(40)))
        check_equal({event["pid"] for event in events}, {first.pid}, "processes")
        check(function_bytes(env, first.pid) != untouched, "no breakpoint in the target: the test would prove nothing")
        env.ctl_ok("rm", logpoint)
        check_equal(function_bytes(env, second.pid), untouched, "the code of the other process")


@scenario("lifecycle/a second -x logpoint on the same line")
def second_on_line(env):
    """The kernel writes the first one's breakpoint into every private mapping of the file, the worker's included."""
    for text in ("one {o.id}", "two {o.id}"):
        env.add_detached("-x", env.bin / "shop", reserve_line(), text)
    env.ctl_ok("rm", "--all")
