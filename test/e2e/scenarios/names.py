# SPDX-License-Identifier: Apache-2.0
"""Names mean what the compiler would make of them on that line: programs/lookup.cc says on each line what is seen there."""
import re

import fixtures
import harness
from harness import check, check_equal
from registry import scenario

SOURCE = "test/e2e/programs/lookup.cc"
# clang 14 describes structured bindings of tuple-like types only; gdb does not know the others either.
UNKNOWN = {"clang++": {"a", "b", "c", "d", "key", "inner.second", "p", "q"}}
# Optimised code may not have a value any more; what it shows must be right.
UNAVAILABLE = {"optimized_out", "unreadable"}


def _lines():
    text = (harness.REPOSITORY / SOURCE).read_text().splitlines()
    for number, line in enumerate(text, 1):
        if "// SEES: " in line:
            yield number, dict(re.findall(r"(\S+)=(\S+)", line.split("// SEES: ")[1]))


def _compare(env, compiler, flags, name):
    program = fixtures.compile_program(name, ["lookup.cc"], "-std=c++17", "-Wno-attributes", "-Wno-unused", *flags, compiler=compiler)
    wrong, missing = [], []
    with env.running([program]) as target:
        for number, expected in _lines():
            expected = {expression: value for expression, value in expected.items() if expression not in UNKNOWN.get(compiler, ())}
            template = " ".join("{" + expression + "}" for expression in expected)
            done = env.ctl("-o", "json", "log", "-p", target.pid, f"lookup.cc:{number}", template, "--hits", 1)
            if done.returncode != 0 and "-O0" not in flags and any(
                    reason in done.stderr for reason in ("has no code", "has no statement", "nothing to log")):
                continue
            if done.returncode != 0:
                missing.append(f"line {number}: {done.stderr.strip()}")
                continue
            (event,) = done.json_lines()
            check_equal(event["line"], number, "line")
            for value in event["values"]:
                want = expected[value["expr"]]
                if value["status"] == "ok":
                    if value["text"] != want:
                        wrong.append(f"line {number}: {value['expr']} shows {value['text']}, is {want}")
                elif "-O0" in flags or value["status"] not in UNAVAILABLE:
                    missing.append(f"line {number}: {value['expr']}: {value['status']}: {value['reason']}")
    check(not wrong, f"{len(wrong)} wrong:\n    " + "\n    ".join(wrong))
    check(not missing, f"{len(missing)} not shown:\n    " + "\n    ".join(missing))


@scenario("names/a pointer to a function is shown with its symbol", needs=("bpf", "g++"))
def _function_pointer(env):
    program = fixtures.compile_program("callback", ["callback.c"], "-O1", "-g", compiler="gcc")
    line = harness.source_line("test/e2e/programs/callback.c", "// the logpoint")
    with env.running([program]) as target:
        (event,) = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"callback.c:{line}", "{callback} {*handlers}", "--hits",
                              1).json_lines()
    shown = [value["text"] for value in event["values"]]
    check(shown[0].startswith("0x") and shown[0].endswith(" <Double>"), shown)
    check(" <Double>" in shown[1] and " <Triple>" in shown[1], shown)


for _compiler, _program in (("gcc", "g++"), ("clang", "clang++")):
    for _level in ("-O0", "-O1"):
        for _dwarf in ("-gdwarf-5", "-gdwarf-4"):
            scenario(f"names/{_compiler} {_level} {_dwarf}", needs=("bpf", _program))(
                lambda env, c=_program, l=_level, d=_dwarf: _compare(env, c, (l, d), f"lookup-{c}{l}{d}"))


@scenario("names/a line of two functions shows in each what it knows", needs=("bpf", "g++"))
def _two_functions(env):
    source = "test/e2e/programs/shared_line.cc"
    program = fixtures.compile_program("shared_line", ["shared_line.cc"], "-O0", "-g")
    line = harness.source_line(source, "// SEES: two functions")
    with env.running([program]) as target:
        log = ("-o", "json", "log", "-p", target.pid, f"shared_line.cc:{line}")
        events = env.ctl_ok(*log, "{outer} {inner}", "--hits", 8, "--budget", "400%").json_lines()
        refused = env.ctl(*log, "{outer} {neither}")
    seen = set()
    for event in events:
        outer, inner = event["values"]
        known, unknown = (inner, outer) if "lambda" in event["function"] or "operator()" in event["function"] else (outer, inner)
        check_equal((known["status"], unknown["status"]), ("ok", "error"), event["function"])
        check("\n" not in unknown["reason"] and "no variable" in unknown["reason"], unknown)
        seen.add(known["expr"])
    check_equal(seen, {"outer", "inner"}, "both functions")
    check(refused.returncode == 1 and "no variable 'neither'" in refused.stderr and "hint:" in refused.stderr, refused)


@scenario("names/bytes by any name are numbers, and a string is only text", needs=("bpf", "g++"))
def _bytes(env):
    program = fixtures.compile_program("shared_line-O2", ["shared_line.cc"], "-O2", "-g")
    line = harness.source_line("test/e2e/programs/shared_line.cc", "// SEES: buffer")
    with env.running([program]) as target:
        (event,) = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"shared_line.cc:{line}", "{*buffer} {*buffer->pos} {buffer->pos:[3]}",
                              "--hits", 1).json_lines()
    whole, first, bytes_ = event["values"]
    check_equal((whole["status"], first["text"], bytes_["text"]), ("ok", "200", "{200, 201, 202}"), event)
    check(whole["text"].startswith("{pos = 0x") and whole["text"].endswith(', name = "bytes"}'), whole)


@scenario("names/explain and vars of a line without a usable instruction say so like log", needs=("bpf", "g++"))
def _refused(env):
    program = fixtures.compile_program("shared_line-O2", ["shared_line.cc"], "-O2", "-g")
    line = harness.source_line("test/e2e/programs/shared_line.cc", "// SEES: locked")
    with env.running([program]) as target:
        for command in (["vars"], ["explain", "--site", "exact"]):
            done = env.ctl("-o", "json", command[0], "-p", target.pid, f"shared_line.cc:{line}", *command[1:])
            check_equal(done.returncode, 1, command)
            refused = done.json_lines()[0]["refused"]
            # What is known there is told all the same.
            check_equal([v["expr"] for v in refused[0].get("variables", [])], ["round"] if command == ["vars"] else [], refused)
            check(done.stderr.count("\n") == 2 and "LOCK" in done.stderr and "\nhint: " in done.stderr, done)
