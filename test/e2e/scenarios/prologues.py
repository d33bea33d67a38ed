# SPDX-License-Identifier: Apache-2.0
"""Parameters at the first place of a function that a person names, behind every kind of prologue.

gdb is no oracle here: without a frame pointer it stops at the entry and shows what the stack held before.
"""
import fixtures
import harness
from harness import check_equal
from registry import scenario

SOURCE = harness.REPOSITORY / "test" / "programs" / "small" / "prologue.cc"
ARGUMENTS = {"Plain": "1001 7", "OverAligned": "1002 8", "BigFrame": "1003 9", "Variadic": "1004 10", "OneLine": "1005 11",
             "OnTheStack": "1006 12", "VariableLength": "1007 13", "AddressTaken": "1008 14"}
SHAPES = {
    "gcc -O0": ("g++", "-O0"),
    "gcc -O0 -fomit-frame-pointer": ("g++", "-O0", "-fomit-frame-pointer"),
    "gcc -O0 -fpatchable-function-entry": ("g++", "-O0", "-fpatchable-function-entry=5"),
    "gcc -O0 -pg -mfentry": ("g++", "-O0", "-pg", "-mfentry"),
    "gcc -O0 -fstack-protector-all": ("g++", "-O0", "-fstack-protector-all", "-fstack-clash-protection"),
    "gcc -O0 -fsanitize=address": ("g++", "-O0", "-fsanitize=address"),
    "gcc -O2 -fno-var-tracking": ("g++", "-O2", "-fno-var-tracking"),
    "clang -O0 -fomit-frame-pointer": ("clang++", "-O0", "-fomit-frame-pointer"),
}
# May be missing, never wrong: what optimised code without variable tracking does not describe, and parameters that
# AddressSanitizer keeps on a stack of its own, of which the debug information does not know.
MAY_BE_MISSING = {"gcc -O2 -fno-var-tracking", "gcc -O0 -fsanitize=address"}


def _check(env, shape):
    compiler, *flags = SHAPES[shape]
    program = fixtures.compile_program("prologue-" + shape.replace(" ", ""), [SOURCE], "-g", "-w", *flags, compiler=compiler)
    opening = {name: harness.source_line("test/programs/small/prologue.cc", f" {name}(long") for name in ARGUMENTS}
    with env.running([program, "forever"]) as target:
        for name, expected in ARGUMENTS.items():
            for location in (f"function:{name}", f"prologue.cc:{opening[name]}"):
                done = env.ctl("-o", "json", "log", "-p", target.pid, location, "{a} {b}", "--hits", 2)
                if done.returncode != 0 and shape in MAY_BE_MISSING:
                    continue
                check_equal(done.returncode, 0, f"{location}: {done.stderr}")
                for event in harness.parse_json_lines(done.stdout):
                    for value, right in zip(event["values"], expected.split()):
                        if value["status"] != "ok" and shape in MAY_BE_MISSING:
                            continue
                        check_equal((value["status"], value["text"]), ("ok", right), f"{location} {value['expr']}")


for _shape, (_compiler, *_) in SHAPES.items():
    scenario(f"prologue/{_shape}", needs=("bpf", _compiler))(lambda env, s=_shape: _check(env, s))
