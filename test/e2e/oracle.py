# SPDX-License-Identifier: Apache-2.0
"""dlog against gdb: the same process, the same line, one after the other.

The program repeats a cycle of known states, so the set of rows that each of the two sees must be the same.
"""
import json
import os
import pathlib

import contract
import harness
from harness import Failure, Skip, check, check_equal

GDB_TIMEOUT_S = 120
SCRIPT = pathlib.Path(__file__).with_name("gdb_oracle.py")


def gdb_rows(env, pid, location, expressions, hits):
    """(line, rows) as gdb sees them."""
    request = {"location": location, "expressions": list(expressions), "hits": hits}
    child = env.spawn(["gdb", "-batch", "-nx", "-p", pid, "-x", SCRIPT], stdout=-1, stderr=-1,
                      env=dict(os.environ, DLOG_ORACLE=json.dumps(request)))
    try:
        out, err = child.communicate(timeout=GDB_TIMEOUT_S)
    finally:
        env.end(child)
    said = [json.loads(line[len("ORACLE "):]) for line in out.splitlines() if line.startswith("ORACLE ")]
    line = next((entry["line"] for entry in said if "line" in entry), None)
    rows = [entry["row"] for entry in said if "row" in entry]
    if line is None or len(rows) != hits:
        raise Failure(f"gdb saw {len(rows)} of {hits} hits of {location}:\n{out[-1500:]}{err[-1500:]}")
    return line, rows


def dlog_rows(env, pid, location, expressions, hits):
    """The rows as dlog sees them, and {expression: reason} for what it does not show."""
    template = " ".join("{" + expression + "}" for expression in expressions)
    events = env.ctl_ok("-o", "json", "log", "-p", pid, location, template, "--hits", hits).json_lines()
    check_equal(len(events), hits, "events")
    rows, withheld = [], {}
    for event in events:
        contract.check_event(event)
        row = {}
        for value in event["values"]:
            row[value["expr"]] = _plain(value) if value["status"] == "ok" else None
            if value["status"] != "ok":
                withheld[value["expr"]] = f"{value['status']}: {value['reason']}"
        rows.append(row)
    return rows, withheld


def _plain(value):
    shown = value.get("value")
    if isinstance(shown, (bool, float)):
        return shown
    text = value["text"]
    if text == "nullptr":
        return 0
    if text.lstrip("-").isdigit():
        return int(text)
    first = text.split()[0] if text else ""
    if first.startswith("0x"):
        return int(first, 16)
    return text


def _same(dlog, gdb):
    if isinstance(dlog, str) and isinstance(gdb, str):
        return dlog == gdb or dlog == gdb.rpartition("::")[2]
    return dlog == gdb


def compare(env, pid, location, expressions, required, hits, distinct):
    """Fails on any value that gdb shows differently, and when a `required` one is not shown. Returns dlog's rows.

    `distinct`: how many different rows the program's cycle has, so that both have really seen it."""
    line, from_gdb = gdb_rows(env, pid, location, expressions, hits)
    from_dlog, withheld = dlog_rows(env, pid, line, expressions, hits)
    check(harness.is_running(pid), "the target is gone")
    missing = {expression: withheld[expression] for expression in required if expression in withheld}
    check(not missing, f"{line}: not shown: {missing}")
    # Only what both show can be compared; `required` says what both have to show.
    comparable = [expression for expression in expressions if from_gdb[0][expression] is not None and expression not in withheld]
    check(set(required) <= set(comparable), f"{line}: gdb does not show {set(required) - set(comparable)}")
    gdb_keys = {json.dumps([row[expression] for expression in comparable]): row for row in from_gdb}
    check_equal(len(gdb_keys), distinct, f"{line}: different rows in gdb ({list(gdb_keys)})")
    seen = set()
    for row in from_dlog:
        match = next((key for key, other in gdb_keys.items()
                      if all(_same(row[expression], other[expression]) for expression in comparable)), None)
        check(match, f"{line}: gdb never sees {row}; it sees {list(gdb_keys.values())}")
        seen.add(match)
    check_equal(len(seen), distinct, f"{line}: different rows in dlog")
    return from_dlog


def debug_file_of(binary):
    """The separate debug file of `binary` in the build-id tree, or a Skip."""
    notes = os.popen(f"readelf -n '{binary}' 2>/dev/null").read()
    build_id = next((line.split()[-1] for line in notes.splitlines() if "Build ID" in line), None)
    path = pathlib.Path(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug") if build_id else None
    if path is None or not path.exists():
        raise Skip(f"no debug file for {binary} in /usr/lib/debug/.build-id")
    return path
