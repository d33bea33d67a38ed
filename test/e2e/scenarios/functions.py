# SPDX-License-Identifier: Apache-2.0
"""function:NAME finds what gdb's `break NAME` finds, for every kind of function, and paths mean the same file however written."""
import os
import re
import subprocess

import fixtures
import harness
from harness import check, check_equal
from registry import scenario

SOURCES = ["functions.cc", "functions_other.cc"]

# Query -> names of the functions, without parameters where a query has none. Templates and clones count each instance.
EXPECTED = {
    "main": 1,
    "shop::Overloaded": 3,
    "Overloaded": 4,
    "Overloaded(int)": 2,
    "shop::Overloaded(double)": 1,
    "other::Overloaded": 1,
    "::Comdat": 1,
    "shop::Largest": 2,
    "Largest<int>": 1,
    "shop::Largest<double>": 1,
    "shop::Base::Base": 1,
    "shop::Virtual::Virtual": 2,
    "Order::operator()": 1,
    "shop::Order::operator<": 1,
    "SameName": 2,
    "Aliased": 1,
    "AliasOfIt": 1,
    "TwinOne": 1,
    "TwinTwo": 1,
    "WithCold": 1,
    "Inlined": 2,
    "operator()": 2,
}


def _sites(env, program, name):
    done = env.ctl("-o", "json", "explain", "--binary", program, f"function:{name}", "", server=False)
    if done.returncode != 0:
        return []
    return [(site["statement_address"], site["function"]) for site in done.json_lines()[0]["sites"]]


def _gdb_functions(program, name):
    """The functions (by their entry) in which gdb's breakpoints for the name lie."""
    done = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set breakpoint pending off", "-ex", f"break -q -function {name}", "-ex",
                           "info breakpoints", program], capture_output=True, text=True, check=False, timeout=harness.COMMAND_TIMEOUT_S)
    return re.findall(r"0x[0-9a-f]{16}", done.stdout.partition("Num ")[2])


def _compare(env, name, compiler, flags, changes=None):
    program = fixtures.compile_program(name, SOURCES, "-std=c++17", "-Wno-attributes", "-Wno-unused-function", *flags,
                                       compiler=compiler)
    wrong = []
    for query, count in {**EXPECTED, **(changes or {})}.items():
        sites = _sites(env, program, query)
        if len(sites) != count:
            wrong.append(f"function:{query}: {len(sites)} sites, expected {count}: {sites}")
        if not query.endswith("operator()") and "(" not in query:  # gdb has no name for a lambda's operator
            gdb = _gdb_functions(program, query.lstrip(":") if query.startswith("::") else query)
            if gdb and len(set(gdb)) != len(sites):
                wrong.append(f"function:{query}: {len(sites)} sites {sites}, gdb has {sorted(set(gdb))}")
    check(not wrong, "\n    ".join(wrong))


FORMS = {
    "gcc O0": ("g++", ("-O0", "-g"), {}),
    "gcc O2": ("g++", ("-O2", "-g"), {}),
    "gcc O2 DWARF 4": ("g++", ("-O2", "-gdwarf-4"), {}),
    "gcc O2 without views": ("g++", ("-O2", "-g", "-gno-variable-location-views"), {}),
    "gcc type units": ("g++", ("-O1", "-g", "-fdebug-types-section"), {}),
    "gcc LTO": ("g++", ("-O1", "-g", "-flto"), {}),
    "gcc split": ("g++", ("-O1", "-g", "-gsplit-dwarf"), {}),
    "gcc sections": ("g++", ("-O1", "-g", "-ffunction-sections", "-Wl,--gc-sections"), {}),
    "clang O0": ("clang++", ("-O0", "-g"), {}),
    "clang O2": ("clang++", ("-O2", "-g"), {}),
    "clang simple template names": ("clang++", ("-O1", "-g", "-gsimple-template-names"), {}),
    "clang ICF": ("clang++", ("-O1", "-g", "-ffunction-sections", "-fuse-ld=lld", "-Wl,--icf=all"), {"operator()": 1}),  # the lambda's is folded too
}
LAMBDA = {"g++": {"main::{lambda(int)#1}::operator()": 1}}
for _form, (_compiler, _flags, _changes) in FORMS.items():
    scenario(f"functions/{_form}", needs=(_compiler, "gdb"), daemon=False)(
        lambda env, f=_form, c=_compiler, l=_flags, x=_changes: _compare(env, f"functions-{f.replace(' ', '-')}", c, l, {**LAMBDA.get(c, {}), **x}))


@scenario("functions/a source file by any of its paths", needs=("g++",), daemon=False)
def _paths(env):
    source = harness.PROGRAMS / "functions.cc"
    link = env.tmp / "linked"
    link.symlink_to(harness.PROGRAMS, target_is_directory=True)
    program = env.tmp / "paths"
    fixtures.run_tool("g++", "-g", "-O0", f"-fdebug-prefix-map={harness.PROGRAMS}=/mapped/src", f"{harness.PROGRAMS}/../programs/functions.cc",
                      source.with_name("functions_other.cc"), "-w", "-o", program)
    line = harness.source_line("test/e2e/programs/functions.cc", "return x * 2 + sink")
    for path in ("functions.cc", "./functions.cc", "programs/../programs/functions.cc", "../functions.cc"):
        shown = env.ctl_json("explain", "--binary", program, f"{path}:{line}", "{x}", server=False)
        check_equal(shown["sites"][0]["function"], "other::Overloaded(int)", path)
    program = env.tmp / "through-link"
    fixtures.run_tool("g++", "-g", "-O0", "-w", f"{link}/functions.cc", f"{link}/functions_other.cc", "-o", program)
    for path in (f"{link}/functions.cc", "linked/functions.cc", "functions.cc"):
        shown = env.ctl_json("explain", "--binary", program, f"{path}:{line}", "{x}", server=False)
        check_equal(shown["sites"][0]["function"], "other::Overloaded(int)", path)
    # The name behind the link, where it exists here, is the same file.
    shown = env.ctl_json("explain", "--binary", program, f"{os.path.realpath(source)}:{line}", "{x}", server=False)
    check_equal(shown["sites"][0]["function"], "other::Overloaded(int)", "the real path")


@scenario("functions/lines and functions without entries of their own in the debug information carry text")
def without_entries(env):
    source = "test/e2e/programs/lookup.cc"
    program = fixtures.compile_program("tables-only", [harness.REPOSITORY / source], "-O1", "-gline-tables-only", "-w",
                                       compiler="clang++")
    line = harness.source_line(source, "SEES: total=500")
    with env.running([program]) as target:
        for location in (f"lookup.cc:{line}", "function:shop::Order::Print"):
            (event,) = env.ctl_ok("-o", "json", "log", "-p", target.pid, location, "here", "--hits", 1).json_lines()
            check_equal((event["function"], event["message"]), ("shop::Order::Print()", "here"), location)
        refused = env.ctl("log", "-p", target.pid, f"lookup.cc:{line}", "{stock}")
        check_equal(refused.returncode, 1, refused.stdout)
        check("no variable 'stock' is known in shop::Order::Print()" in refused.stderr, refused.stderr)
    assembly = fixtures.compile_program("assembly", [harness.REPOSITORY / "test/programs/small/frames.S"], "-gdwarf-4",
                                        compiler="gcc")
    seen = env.ctl("explain", "--binary", assembly, "function:expressions", "here")
    check_equal(seen.returncode, 0, seen.stderr)
