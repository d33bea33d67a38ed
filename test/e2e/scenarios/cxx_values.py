# SPDX-License-Identifier: Apache-2.0
"""Every value against the truth that the program prints itself: compilers, optimisation levels, DWARF versions."""
import pathlib

import contract
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

EVENTS = 12
# Arguments of `_compare` for the two programs: what says which round it is, how many expressions go into one logpoint.
VALUES = {"source": "values.cc", "round_expression": "s.point.x", "per_logpoint": 16, "options": ()}
CONTAINERS = {"source": "containers.cc", "round_expression": "s.round", "per_logpoint": 4, "options": ("--depth", "9", "--bytes", "32KiB")}
# May honestly be unavailable in optimised code; never wrong.
OPTIONAL_WHEN_OPTIMISED = {"scaled", "i", "name", "where", "where->y", "where == s.where", "i * 2 + 1", "scaled / 3 == i",
                           "i % 2 == 1 && s.flag", "-i < 0 || !s.flag"}

# What clang 14 itself gets wrong in an inlined copy: a spilled `i` is taken for its address, so the debug information says
# another number, and gdb shows that number too. Captured, so that it must do no harm, but not compared.
WRONG_IN_DEBUG_INFO = {("clang++", "-O2"): {"scaled", "scaled / 3 == i"}}


def _compare(env, compiler, flags, name, source, round_expression, per_logpoint, options, not_shown=()):
    program = fixtures.compile_program(name, [source, "keep.cc"], "-std=c++20", *flags, compiler=compiler)
    line = harness.source_line(f"test/e2e/programs/{source}", "// the logpoint")
    optimised = "-O0" not in flags
    not_compared = WRONG_IN_DEBUG_INFO.get((compiler, flags[0]), set()) | set(not_shown)
    truth_path = env.tmp / f"{name}.truth"
    with open(truth_path, "w", encoding="utf-8") as truth_file, env.running([program], stdout=truth_file) as target:
        harness.wait_until(lambda: truth_path.read_text().count("\n") > 1, 10, "the program runs")
        expressions = sorted(harness.parse_json_lines(truth_path.read_text().splitlines()[0])[0]["expect"])
        events, mismatches, unavailable = [], [], {}
        for start in range(0, len(expressions), per_logpoint):
            # A member of the sample that changes with each round says which round a hit belongs to.
            part = [round_expression, *expressions[start:start + per_logpoint]]
            template = " ".join("{" + expression + "}" for expression in part)
            events += env.ctl_ok("-o", "json", "log", "-p", target.pid, f"{source}:{line}", template, "--rate", "0", "--hits",
                                 EVENTS, *options).json_lines()
    truth = {entry["i"]: entry["expect"] for entry in harness.parse_json_lines(truth_path.read_text().rpartition("\n")[0])}
    for event in events:
        contract.check_event(event)
        shown = {value["expr"]: value for value in event["values"]}
        check_equal(shown[round_expression]["status"], "ok", round_expression)
        expected = truth[shown[round_expression]["value"]]
        for expression, value in shown.items():
            if expression == round_expression or expression in not_compared:
                continue
            if value["status"] == "ok":
                if value["text"] != expected[expression]:
                    mismatches.append(f"{expression}: shows {value['text']!r}, is {expected[expression]!r}")
            else:
                unavailable[expression] = f"{value['status']}: {value['reason']}"
    check(not mismatches, f"{len(mismatches)} wrong values:\n    " + "\n    ".join(sorted(set(mismatches))[:40]))
    check(len(events) >= EVENTS * (len(expressions) // per_logpoint), f"only {len(events)} events")
    allowed = OPTIONAL_WHEN_OPTIMISED if optimised else set()
    missing = {expression: why for expression, why in unavailable.items() if expression not in allowed}
    check(not missing, "not shown:\n    " + "\n    ".join(f"{key}: {why}" for key, why in missing.items()))


for _compiler, _program in (("gcc", "g++"), ("clang", "clang++")):
    for _level in ("-O0", "-O2"):
        for _dwarf in ("-gdwarf-5", "-gdwarf-4"):
            if _dwarf == "-gdwarf-4" and _level == "-O0":
                continue
            scenario(f"values/{_compiler} {_level} {_dwarf}", needs=("bpf", _program))(
                lambda env, c=_program, l=_level, d=_dwarf: _compare(env, c, (l, d), f"values-{c}{l}{d}", **VALUES))

scenario("values/gcc -O2 compressed", needs=("bpf", "g++"))(
    lambda env: _compare(env, "g++", ("-O2", "-g", "-gz"), "values-g++-O2-gz", **VALUES))

for _compiler, _program in (("gcc", "g++"), ("clang", "clang++")):
    for _level in ("-O0", "-O2"):
        scenario(f"containers/{_compiler} {_level}", needs=("bpf", _program))(
            lambda env, c=_program, l=_level: _compare(env, c, (l, "-g"), f"containers-{c}{l}", **CONTAINERS))


# libc++: what a weak pointer points to is not followed, because its counts are in a class without debug information.
@scenario("containers/libc++ -O0", needs=("bpf", "clang++-19"))
def _libcxx(env):
    if not list(pathlib.Path("/usr/lib/llvm-19").glob("include/c++/v1/vector")):
        raise harness.Skip("libc++-19-dev is not installed")
    _compare(env, "clang++-19", ("-O0", "-g", "-stdlib=libc++"), "containers-libc++-O0", not_shown=("s.watcher",), **CONTAINERS)
