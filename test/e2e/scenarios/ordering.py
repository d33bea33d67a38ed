# SPDX-License-Identifier: Apache-2.0
"""Strings against literals, in the kernel and in user space: the same answer as the program's own operators would give."""
import operator
import pathlib

import fixtures
import harness
from harness import Skip, check, check_equal
from registry import scenario

TEXTS = {"s.small": b"middle", "s.large": b"middle of the text that is on the heap", "s.empty": b"", "s.zeros": b"a\0b", "s.high": "ä".encode(),
         "s.view": b"middle", "s.plain": b"middle"}
LITERALS = ["", "a", "middle", "middl", "middle of", "midds", "middlf", "n", "zzzzzzzzzzzzzzzz", "ä", "å"]
# Of libc++'s strings at -O0 seven comparisons with the longest literal fill a logpoint's plan; the next would be told as an error.
PER_LOGPOINT = 6
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}


def _comparisons():
    """expression -> its truth. Bytes are compared as unsigned characters, as std::char_traits<char> does."""
    for name, text in TEXTS.items():
        for literal in LITERALS:
            for sign, compare in OPERATORS.items():
                yield f'{name} {sign} "{literal}"', compare(text, literal.encode())
                yield f'"{literal}" {sign} {name}', compare(literal.encode(), text)


def _check(env, program):
    truths = dict(_comparisons())
    location = f"ordering.cc:{harness.source_line('test/e2e/programs/ordering.cc', '// the logpoint')}"
    with env.running([program]) as target:
        options = ["-p", target.pid, location, "--rate", "0", "--budget", "400%", "--hits", 1]
        names = list(truths)
        wrong = []
        for start in range(0, len(names), PER_LOGPOINT):
            part = names[start:start + PER_LOGPOINT]
            event, = env.ctl_ok("-o", "json", "log", options[0], options[1], location, "".join("{" + name + "}" for name in part), *options[3:],
                                "--bytes", "64KiB").json_lines()
            for value in event["values"]:
                if value.get("value") is not truths[value["expr"]]:
                    wrong.append(f"{value['expr']}: {value.get('value')} {value['status']} {value.get('reason', '')}")
        check(not wrong, "as values:\n    " + "\n    ".join(wrong[:20]))
        # What is true, as a condition that the hit has to pass.
        for name in ("s.small", "s.large", "s.zeros", "s.plain"):
            for literal in ("middle", "middle of", "midds", "zzzzzzzzzzzzzzzz", "ä"):
                for sign in ("<", ">"):
                    text = f'{name} {sign} "{literal}"'
                    condition = text if truths[text] else f"!({text})"
                    done = env.ctl("-o", "json", "log", *options, "--ttl", "20s", "{s.small}", "--if", condition)
                    check(len(done.json_lines()) == 1, f"wrong in the kernel: {condition}: {done}")
        check_equal(len(truths), len(TEXTS) * len(LITERALS) * len(OPERATORS) * 2, "comparisons")


for _level in ("-O0", "-O2"):
    @scenario(f"ordering/libstdc++ {_level}", needs=("bpf", "g++"))
    def _libstdcxx(env, level=_level):
        _check(env, fixtures.compile_program(f"ordering-g++{level}", ["ordering.cc", "keep.cc"], "-std=c++17", level, "-g"))

    @scenario(f"ordering/libc++ {_level}", needs=("bpf", "clang++-19"))
    def _libcxx(env, level=_level):
        if not list(pathlib.Path("/usr/lib/llvm-19").glob("include/c++/v1/vector")):
            raise Skip("libc++-19-dev is not installed")
        _check(env, fixtures.compile_program(f"ordering-libc++{level}", ["ordering.cc", "keep.cc"], "-std=c++17", level, "-g", "-stdlib=libc++",
                                             compiler="clang++-19"))
