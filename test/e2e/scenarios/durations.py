# SPDX-License-Identifier: Apache-2.0
"""{$duration} at return:NAME against the program's own clock: between what it measures within and around the call."""
import json
import re

import fixtures
import harness
from harness import check, check_equal, wait_until
from registry import scenario

FORMS = {
    "gcc O0": ("g++", "-O0"),
    "gcc O2": ("g++", "-O2"),
    "clang O2": ("clang++", "-O2"),
}


def _program(form):
    compiler, level = FORMS[form]
    return fixtures.compile_program(f"durations-{form.replace(' ', '-')}", ["durations.cc"], "-std=c++17", "-g", "-pthread", level,
                                    compiler=compiler)


def _truth(path):
    """id -> (inner, outer) of the calls that have returned so far."""
    lines = path.read_text().rpartition("\n")[0].splitlines()
    return {int(call): (int(inner), int(outer)) for call, inner, outer in (line.split() for line in lines)}


def _log(env, where, text="{$ret} {$duration}", *more):
    done = env.ctl_ok("-o", "json", "log", *where, "return:Timed", text, "--rate", 0, *more)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _durations(events):
    """id -> nanoseconds, or None where the start is not known."""
    found = {}
    for event in events:
        call, duration = event["values"]
        check_equal(call["status"], "ok", event)
        if duration["status"] == "ok":
            check_equal(duration["type"], "nanoseconds", event)
            check(re.fullmatch(r"\d+ ns|\d+\.\d{3} (us|ms|s)", duration["text"]), duration)
            check(isinstance(duration["value"], int), duration)
            found[call["value"]] = duration["value"]
        else:
            check_equal((duration["status"], duration["reason"]), ("unreadable", "unknown start"), event)
            found[call["value"]] = None
    return found


def _check_all(durations, truth_path):
    """Those of which the program knows; how many."""
    truth = _truth(truth_path)
    wrong = {call: (truth[call][0], ns, truth[call][1]) for call, ns in durations.items()
             if ns is not None and call in truth and not truth[call][0] <= ns <= truth[call][1]}
    check(not wrong, f"{len(wrong)} of {len(durations)} durations are wrong (inner, logged, outer): {dict(list(wrong.items())[:5])}")
    return sum(1 for call, ns in durations.items() if ns is not None and call in truth)


def _mixed(env, form):
    truth_path = env.tmp / f"durations-{form.replace(' ', '-')}"
    with open(truth_path, "w", encoding="utf-8") as out, env.running([_program(form), "mixed"], stdout=out) as target:
        events = _log(env, ("-p", target.pid), "{$ret} {$duration}", "--hits", 400, "--budget", "400%")
        check_equal({event["pid"] for event in events}, {target.pid}, "processes")
        durations = _durations(events)
        # Each of the three threads can be in a call, some calls deep, when the probes come.
        unknown = [call for call, ns in durations.items() if ns is None]
        check(len(unknown) <= 20, f"{len(unknown)} starts are unknown: {unknown}")
        wait_until(lambda: set(durations) <= set(_truth(truth_path)), 20, "the program's own times")
        check_equal(_check_all(durations, truth_path), len(durations) - len(unknown), "checked")


for _form, (_compiler, _level) in FORMS.items():
    scenario(f"durations/recursion, exceptions, longjmp, threads, switched stacks {_form}", needs=(_compiler,))(
        lambda env, f=_form: _mixed(env, f))


@scenario("durations/a call that was under way has no start, the next one has", needs=("g++",))
def _middle(env):
    truth_path = env.tmp / "durations-slow"
    with open(truth_path, "w", encoding="utf-8") as out, env.running([_program("gcc O2"), "slow"], stdout=out) as target:
        wait_until(lambda: _truth(truth_path), 10, "the first call")
        durations = _durations(_log(env, ("-p", target.pid), "{$ret} {$duration}", "--hits", 3, "--budget", "400%"))
        values = [durations[call] for call in sorted(durations)]
        check_equal([values[0], len(values)], [None, 3], "the first one began before the probe")
        wait_until(lambda: set(durations) <= set(_truth(truth_path)), 10, "the program's own times")
        check_equal(_check_all(durations, truth_path), 2, "checked")


@scenario("durations/a child that returns from a call of its parent knows no start", needs=("g++",))
def _fork(env):
    program = _program("gcc O2")
    truth_path = env.tmp / "durations-fork"
    with open(truth_path, "w", encoding="utf-8") as out, env.running([program, "mixed"], stdout=out) as target:
        events = _log(env, ("-x", program), "{$ret} {$duration}", "--hits", 400, "--budget", "400%")
        children = [event for event in events if event["pid"] != target.pid]
        check(len(children) >= 3, f"{len(children)} events of children")
        check_equal({event["values"][1]["status"] for event in children}, {"unreadable"}, "status in children")
        check_equal({event["values"][1]["reason"] for event in children}, {"unknown start"}, "reason in children")
        own = _durations([event for event in events if event["pid"] == target.pid])
        check(_check_all(own, truth_path) > 100, "too few were checked")


@scenario("durations/conditions and arithmetic are in nanoseconds", needs=("g++",))
def _conditions(env):
    with env.running([_program("gcc O2"), "mixed"], stdout=-3) as target:
        where = ("-p", target.pid)
        slow = _log(env, where, "{$duration} {$duration / 1000:d}", "--if", "$duration > 1500000", "--hits", 10, "--budget", "400%")
        check(all(event["values"][0]["value"] > 1500000 for event in slow), slow)
        check(all(event["values"][1]["value"] == event["values"][0]["value"] // 1000 for event in slow), slow)
        check(all(event["values"][0]["text"].endswith((" ms", " s")) for event in slow), slow)
        fast = _log(env, where, "{$duration}", "--if", "1.5ms >= $duration", "--hits", 5, "--budget", "400%")
        check(all(event["values"][0]["value"] <= 1500000 for event in fast), fast)
        done = env.ctl("log", *where, "return:Timed", "{$ret}", "--if", "$ret > 5ms", "--hits", 1)
        check_equal(done.returncode, 1, done.stdout)
        check("a time can only be compared with $duration" in done.stderr, done.stderr)


@scenario("durations/a throttled logpoint tells no wrong ones, and keeps its budget", needs=("g++",))
def _throttled(env):
    truth_path = env.tmp / "durations-hot"
    with open(truth_path, "w", encoding="utf-8") as out, env.running([_program("gcc O2"), "hot"], stdout=out) as target:
        # The stack that exceptions have left and the gaps between two armings must not meet in a wrong number.
        with env.following("-o", "json", "log", "-p", target.pid, "return:Timed", "{$ret} {$duration}", "--rate", 0) as follower:
            wait_until(lambda: any('"~' in line or "throttled" in str(env.logpoints()) for line in follower.lines()[:1]) or
                       any(p["state"] == "throttled" for p in env.logpoints()), 30, "throttling")
            follower.wait_for_lines(3000, 60)
        events = [json.loads(line) for line in follower.lines()]
        wait_until(lambda: max(_truth(truth_path), default=0) > max(e["values"][0]["value"] for e in events), 30, "its own times")
        durations = _durations(events)
        check(_check_all(durations, truth_path) >= 20, "too few were checked")


@scenario("durations/what cannot be timed is told, where the probes go is explained", needs=("g++",), daemon=False)
def _explained(env):
    program = _program("gcc O2")
    done = env.ctl("resolve", "--binary", program, "function:Timed", "{$duration}", server=False)
    check_equal(done.returncode, 1, done.stdout)
    check("only known where a function returns" in done.stderr, done.stderr)
    shown = env.ctl_json("explain", "--binary", program, "return:Timed", "{$ret} {$duration}", server=False)
    entries = [site for site in shown["sites"] if site.get("role") == "entry"]
    check_equal([site["function"].partition("(")[0] for site in entries], ["Timed"], "entries")
    check(len(shown["sites"]) > len(entries) and entries[0]["predicted_ns"] > 0, shown)
    without = env.ctl_json("explain", "--binary", program, "return:Timed", "{$ret}", server=False)
    check(all("role" not in site for site in without["sites"]), "no entry without $duration")
    listed = env.ctl_json("vars", "--binary", program, "return:Timed", server=False)
    check(("$duration", "ok") in [(v["expr"], v["status"]) for v in listed["sites"][0]["variables"]], listed)
