# SPDX-License-Identifier: Apache-2.0
"""What a logpoint may cost its target, and sampling."""
import statistics
import subprocess
import time

import contract
import fixtures
import harness
from harness import accounted, check, check_equal
from registry import scenario
from scenarios_shared import reserve_line


@scenario("budget/line that runs all the time is throttled, and its target hardly slower", needs=("bpf", "g++"))
def hot_line(env):
    program = fixtures.compile_program("hot", ["hot.cc"], "-std=c++20", "-O2", "-g")
    line = harness.source_line("test/e2e/programs/hot.cc", "// MARK: hot")
    speeds_path = env.tmp / "hot.speeds"
    with open(speeds_path, "w", encoding="utf-8") as speeds_file, env.running([program], stdout=speeds_file) as target:
        time.sleep(4.5)
        before = [float(word) for word in speeds_path.read_text().split()]
        logpoint = env.add_detached("-p", target.pid, f"hot.cc:{line}", "x {x}")
        time.sleep(5.5)
        state = next(entry for entry in env.logpoints() if harness.find_key(entry, "id") == logpoint)
        with env.following("-o", "json", "tail", logpoint) as tail:
            events = harness.parse_json_lines("\n".join(tail.wait_for_lines(3, timeout_s=20)))
        removed = env.ctl_json("rm", logpoint)
        during = [float(word) for word in speeds_path.read_text().split()][len(before) + 1:]
    check_equal(state["state"], "throttled", "state")
    check("1%" in state["reason"], f"reason: {state['reason']}")
    # The first second may cost three times the budget; five of them are averaged here, on a machine that does other work.
    check(0 < state["overhead_ratio"] < 0.03, f"overhead {state['overhead_ratio']}")
    check(statistics.median(during) > 0.8 * statistics.median(before), f"steps per second: {before} before, {during} during")
    for event in events:
        contract.check_event(event)
        check(event.get("throttle_factor", 1) > 1, f"no factor: {event}")
    counters = env.counters_of(removed)
    check_equal(accounted(counters), counters["hits"], f"hits ({counters})")


@scenario("budget/hot lines of one process, one of them with several sites, share what it may lose", needs=("bpf", "g++"))
def hot_lines(env):
    program = fixtures.compile_program("hot-lines", ["hot_lines.cc"], "-std=c++20", "-O2", "-g", "-pthread")
    marks = ("first", "second", "third", "sites")
    lines = [harness.source_line("test/e2e/programs/hot_lines.cc", f"// MARK: {mark}") for mark in marks]
    with env.running([program], stdout=subprocess.DEVNULL) as target:
        calm = env.add_detached("-p", target.pid, "function:CpuSeconds", "calm")
        hot = [env.add_detached("-p", target.pid, f"hot_lines.cc:{line}", "x {x}") for line in lines]
        time.sleep(6)
        states = {harness.find_key(entry, "id"): entry for entry in env.logpoints()}
        check_equal([states[logpoint]["state"] for logpoint in hot], ["throttled"] * 4, "states")
        check_equal((states[hot[-1]]["sites"], states[calm]["state"]), (3, "active"), "sites of one, and a line that costs nothing")
        # The first second may cost three times the budget; five are averaged here, on a machine that does other work.
        each = [states[logpoint]["overhead_ratio"] for logpoint in hot]
        check(all(0 < ratio < 0.03 for ratio in each) and sum(each) < 0.06, f"overhead {each}")
        for logpoint in [*hot, calm]:
            counters = env.counters_of(env.ctl_json("rm", logpoint))
            check_equal(accounted(counters), counters["hits"], f"hits ({counters})")


@scenario("budget/every Nth hit")
def every(env):
    orders = 2000
    logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id}", "--every", "10", "--rate", "0",
                                "--budget", "400%")
    with env.shop("--orders", str(orders), "--pause-us", "100") as shop:
        shop.communicate(timeout=60)
    counters = harness.wait_until(lambda: (found := env.counters(logpoint))["emitted"] >= orders // 10 and found, 10, "the events")
    check_equal(counters["hits"], orders, "hits")
    check_equal((counters["emitted"], counters["sampled_out"]), (orders // 10, orders - orders // 10), f"{counters}")
    env.ctl_ok("rm", logpoint)


@scenario("budget/a share of the hits, by chance")
def sample(env):
    orders = 2000
    logpoint = env.add_detached("-x", env.bin / "shop", reserve_line(), "order {o.id}", "--sample", "25%", "--rate", "0",
                                "--budget", "400%")
    with env.shop("--orders", str(orders), "--pause-us", "100") as shop:
        shop.communicate(timeout=60)
    counters = harness.wait_until(
        lambda: (found := env.counters(logpoint))["hits"] >= orders and accounted(found) == found["hits"] and found, 10, "all hits")
    # Five standard deviations are a hundred.
    check(400 <= counters["emitted"] <= 600, f"{counters}")
    env.ctl_ok("rm", logpoint)
