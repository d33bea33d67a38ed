# SPDX-License-Identifier: Apache-2.0
"""Types that a unit only declares (clang does so of its own accord where another unit has the definition): taken from another unit of
the program when there is one definition of that name, never when there are several."""
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

SOURCES = ["units/main.cc", "units/one.cc", "units/two.cc", "keep.cc"]

for _compiler in ("g++", "clang++"):
    for _level in ("-O0", "-O2"):
        @scenario(f"incomplete types/{_compiler} {_level}", needs=("bpf", _compiler))
        def _units(env, compiler=_compiler, level=_level):
            program = fixtures.compile_program(f"units-{compiler}{level}", SOURCES, level, "-g", compiler=compiler)
            location = f"main.cc:{harness.source_line('test/e2e/programs/units/main.cc', '// the logpoint')}"
            with env.running([program]) as target:
                options = ["--rate", "0", "--hits", 1]
                event, = env.ctl_ok("-o", "json", "log", "-p", target.pid, location, "{*h.hidden}|{h.hidden->inner.y}", *options).json_lines()
                check_equal(event["message"], "{id = 7, inner = {x = 1, y = -2}}|-2", "defined in one other unit")
                for name in ("h.twice->number", "h.otherwise->first", "h.nowhere->x"):
                    refused = env.ctl("log", "-p", target.pid, location, "{" + name + "}", *options)
                    check(refused.returncode == 1 and "not in the debug information" in refused.stderr, f"{name}: {refused}")
                event, = env.ctl_ok("-o", "json", "log", "-p", target.pid, location, "{*h.twice}", *options).json_lines()
                check(event["values"][0]["status"] == "error", f"which of the two definitions is meant is not known: {event['values'][0]}")
