# SPDX-License-Identifier: Apache-2.0
"""Floating-point values that live in vector registers: exact, or told to be unreadable; never another hit's."""
import contract
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

EVENTS = 2000


def _program(compiler):
    return fixtures.compile_program(f"doubles-{compiler}", ["doubles.cc", "keep.cc"], "-std=c++20", "-O2", "-g", compiler=compiler)


def _line():
    return f"doubles.cc:{harness.source_line('test/e2e/programs/doubles.cc', '// MARK: doubles')}"


def _check(events):
    """Returns the number of values that are exact and that are unreadable."""
    exact = unreadable = 0
    for event in events:
        contract.check_event(event)
        shown = {value["expr"]: value for value in event["values"]}
        check_equal(shown["id"]["status"], "ok", "id")
        n = shown["id"]["value"]
        truth = {"ratio": n / 4, "single": n / 2, "pair.first": n + 0.5, "pair.second": n + 0.25}
        for expression, value in shown.items():
            if expression == "id":
                continue
            if value["status"] == "ok":
                check_equal(value["value"], truth[expression], f"{expression} of hit {n}")
                exact += 1
            else:
                check_equal((value["status"], value["reason"]), ("unreadable", "vector register"), expression)
                unreadable += 1
    return exact, unreadable


def _values(env, compiler):
    with env.running([_program(compiler)]) as target:
        events = env.ctl_ok("-o", "json", "log", "-p", target.pid, _line(),
                            "{id} {ratio} {single} {pair.first} {pair.second}", "--rate", "0", "--hits", EVENTS).json_lines()
    check(len(events) >= EVENTS, f"only {len(events)} events")
    exact, unreadable = _check(events)
    # On a loaded machine a switch may take too long; what must not happen is a wrong value.
    check(exact >= 0.9 * (exact + unreadable), f"{unreadable} of {exact + unreadable} values are unreadable")


for _compiler in ("g++", "clang++"):
    scenario(f"vectors/four busy threads, {_compiler}", needs=("bpf", _compiler))(lambda env, c=_compiler: _values(env, c))


@scenario("vectors/condition on a double", needs=("bpf", "g++"))
def _condition(env):
    with env.running([_program("g++")]) as target:
        events = env.ctl_ok("-o", "json", "log", "-p", target.pid, _line(), "{id} {ratio}", "--if", "ratio == 250.25", "--hits", 1, "--budget", "6400%",
                            "--ttl", "60s").json_lines()
    check(all(event["values"][0]["value"] == 1001 for event in events), f"{events}")
