# SPDX-License-Identifier: Apache-2.0
"""Runs inside gdb: what gdb shows for some expressions each time a line is reached.

    DLOG_ORACLE='{"location": "file.c:12", "expressions": ["a->b"], "hits": 3}' gdb -batch -nx -p PID -x gdb_oracle.py

`location` may start with "after-call:FUNCTION:CALLEE": the line of the call of CALLEE in FUNCTION; or "steps:FUNCTION:N": the
line N steps after the start of FUNCTION. Prints one JSON object per line, each behind "ORACLE ":
{"line": "file.c:12"} once, then {"row": {expression: value}} per hit; null = gdb has no value either.
"""
import json
import os

import gdb

request = json.loads(os.environ["DLOG_ORACLE"])


def say(document):
    print("ORACLE " + json.dumps(document), flush=True)


def base_and_line(sal):
    return f"{os.path.basename(sal.symtab.filename)}:{sal.line}"


def find_line(location):
    kind, _, rest = location.partition(":")
    if kind == "after-call":
        function, _, callee = rest.rpartition(":")
        for instruction in gdb.execute(f"disassemble '{function}'", to_string=True).splitlines():
            if "call" in instruction and callee in instruction:
                return base_and_line(gdb.find_pc_line(int(instruction.replace("=>", "").split()[0], 16)))
        raise gdb.GdbError(f"{function} does not call {callee}")
    if kind == "steps":
        function, _, steps = rest.rpartition(":")
        breakpoint = gdb.Breakpoint(function, temporary=True)
        gdb.execute("continue")
        for _ in range(int(steps)):
            gdb.execute("next")
        if breakpoint.is_valid():
            breakpoint.delete()
        return base_and_line(gdb.selected_frame().find_sal())
    return location


def plain(value):
    """A JSON value; pointers as integers, C strings and enumerators as text."""
    kind = value.type.strip_typedefs().code
    if value.is_optimized_out:
        return None
    if kind == gdb.TYPE_CODE_PTR:
        target = value.type.strip_typedefs().target().strip_typedefs()
        if target.code == gdb.TYPE_CODE_INT and target.sizeof == 1 and int(value) != 0:
            return value.string()
        return int(value)
    if kind == gdb.TYPE_CODE_BOOL:
        return bool(value)
    if kind == gdb.TYPE_CODE_INT:
        return int(value)
    if kind == gdb.TYPE_CODE_FLT:
        return float(value)
    return str(value)


def row():
    found = {}
    for expression in request["expressions"]:
        try:
            found[expression] = plain(gdb.parse_and_eval(expression))
        except gdb.error as error:
            found[expression] = None
            say({"note": f"{expression}: {error}"})
    return found


gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("handle SIGSEGV SIGPIPE nostop noprint pass", to_string=True)
line = find_line(request["location"])
say({"line": line})
if request["hits"]:
    gdb.Breakpoint(line)
    for _ in range(request["hits"]):
        gdb.execute("continue", to_string=True)
        say({"row": row()})
gdb.execute("delete", to_string=True)
gdb.execute("detach")
