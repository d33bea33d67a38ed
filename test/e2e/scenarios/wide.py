# SPDX-License-Identifier: Apache-2.0
"""Location expressions on integers of 128 bits, against what the program was written to compute."""
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

VALUES = {"same": "-5", "zero_extended": str(0xfffffffffffffff0), "sum": "-2", "product": "-15", "difference": "-8"}


def _check(env, compiler):
    program = fixtures.compile_program(f"wide-{compiler}", ["wide.c"], "-w", "-O2", "-g", compiler=compiler)
    location = f"wide.c:{harness.source_line('test/e2e/programs/wide.c', '// wide')}"
    with env.running([program], stderr=-3) as target:
        template = " ".join("{" + name + "}" for name in VALUES)
        event = env.ctl_ok("-o", "json", "log", "-p", target.pid, location, template, "--hits", 1).json_lines()[0]
        shown = {name: value["text"] for name, value in zip(VALUES, event["values"]) if value["status"] == "ok"}
        check_equal(shown, {name: VALUES[name] for name in shown}, "values")
        check({"same", "zero_extended", "sum"} <= set(shown), event)


for _compiler in ("gcc", "clang"):
    scenario(f"wide/{_compiler} -O2", needs=("bpf", _compiler))(lambda env, c=_compiler: _check(env, c))
