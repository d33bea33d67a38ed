#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dlog against gdb on the same lines of the same, deterministic run: see README.md.

    test/oracle/oracle.py --bin build/dev/bin [--short] [--seed N] [--only WORD]... [--results FILE] [--verbose]
    test/oracle/oracle.py --bin build/dev/bin --program './prog arg' --file prog.c [--line N]...
"""
import argparse
import collections
import functools
import json
import os
import pathlib
import random
import re
import shlex
import struct
import subprocess
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import compare  # noqa: E402
import harness  # noqa: E402
import materials  # noqa: E402
import report  # noqa: E402
import target  # noqa: E402
import views  # noqa: E402

HITS = 3
# gdb takes about 0.2 ms for a hit; a line that is reached more often than this is not counted to its end.
HIT_CAP = 20000
RUN_TIMEOUT_S = 600
EXPRESSIONS_PER_LOGPOINT = 12
MAX_DEREFERENCES = 8
# A random number of few values, or what it left in memory, may be the same in two runs.
GDB_REPEATS = 3


class Line:
    """One line of a material: its sites in dlog, its expressions, the logpoints that carry them."""

    def __init__(self, file, number):
        self.file = file
        self.number = number
        self.refusal = ""
        self.sites = []
        self.expressions = []
        self.logpoints = []  # [(id, expressions)]
        self.counter = ""
        self.unknown = set()

    def why_missing(self, name):
        """Class and reason of a value of which no logpoint shows anything."""
        for site in self.sites:
            for variable in site["variables"]:
                if variable["expr"] == name and "reason" in variable:
                    return compare.lost_class(variable["reason"]), variable["reason"]
        return "name not known", name

    @property
    def location(self):
        return f"{self.file}:{self.number}"

    @property
    def base_name(self):
        return os.path.basename(self.file)


def candidate_lines(env, material, seed):
    """Lines of the material's files that carry code, as many as it asks for, the same for the same seed."""
    found = []
    for file in material.files:
        answer = env.ctl("-o", "json", "lines", "--binary", material.binary, file, server=False)
        if answer.returncode == 0:
            found += [(file, line["line"]) for line in json.loads(answer.stdout)["lines"]]
    # Python's hash() differs between runs; the checksum of the name does not.
    chosen = random.Random(seed * 1000003 + zlib.crc32(material.name.encode()))
    return sorted(chosen.sample(found, min(material.lines, len(found))))


def is_followable(kind):
    """A pointer whose target both tools can show whole."""
    kind = kind.strip().removesuffix("const").strip()
    if not kind.endswith("*") or "(" in kind:
        return False
    pointed = kind[:-1].strip()
    return not re.fullmatch(r"(const |volatile )*(void|char|signed char|unsigned char)( const)?", pointed) and "*" not in pointed


def study(env, material, line):
    """Fills in the sites and expressions of `line`."""
    answer = env.ctl("-o", "json", "vars", "--binary", material.binary, line.location, server=False)
    if answer.returncode != 0:
        line.refusal = answer.stderr.strip().splitlines()[0] if answer.stderr.strip() else "refused"
        return
    document = json.loads(answer.stdout)
    if document["line"] != line.number:
        line.refusal = f"moved to line {document['line']}"
        return
    line.sites = document["sites"]
    if document["refused"]:
        line.refusal = "partly refused: " + document["refused"][0]["reason"]
    names = {}
    for site in line.sites:
        for variable in site["variables"]:
            names.setdefault(variable["expr"], variable["type"])
    pointers = [name for name, kind in names.items() if is_followable(kind)]
    line.expressions = [*names, *(f"*{name}" for name in pointers[:MAX_DEREFERENCES])]


def add_logpoints(env, pid, line):
    """Adds the logpoints of `line`; what dlog refuses to resolve is left out of them."""

    def add(text, *options):
        done = env.ctl("log", "-p", pid, line.location, text, "--detach", "--ttl", "2h", *options)
        match = re.search(r"\blp-\d+\b", done.stdout + done.stderr) if done.returncode == 0 else None
        return match[0] if match else None, done

    # Every hit counts here: no budget may throttle a logpoint.
    values = ("--hits", HITS, "--rate", "0", "--bytes", "64KiB", "--budget", "400%")
    line.counter, done = add("counted", "--rate", "1/s", "--budget", "400%")
    if line.counter is None:
        line.refusal = done.stderr.strip()[:200]
        return
    for start in range(0, len(line.expressions), EXPRESSIONS_PER_LOGPOINT):
        chunk = line.expressions[start:start + EXPRESSIONS_PER_LOGPOINT]
        added, _ = add(" ".join("{" + name + "}" for name in chunk), *values)
        if added:
            line.logpoints.append((added, chunk))
            continue
        for name in chunk:
            added, done = add("{" + name + "}", *values)
            if added:
                line.logpoints.append((added, [name]))
            else:
                line.unknown.add(name)


def events_file(env):
    """dlogd's sink: a stream could begin after the first events."""
    return env.tmp / "events.json"


def dlog_run(env, material, lines):
    """(events by logpoint id, hits by location). One run of the target under one dlogd."""
    events = collections.defaultdict(list)
    hits = {}
    with target.stopped(material.argv, bool(material.library)) as process:
        for line in lines:
            if line.sites:
                add_logpoints(env, process.pid, line)
        sink = events_file(env)
        begin = sink.stat().st_size if sink.exists() else 0
        process.resume()
        if process.wait(RUN_TIMEOUT_S) is None:
            raise harness.Failure(f"{material.name} does not end under dlog")
        wanted = [line for line in lines if line.counter]
        for line in wanted:
            harness.wait_until(lambda id=line.counter: _finished(env, id), 60, f"{line.counter} is finished")
            hits[line.location] = env.counters(line.counter)["hits"]
        expected = sum(env.counters(identifier)["emitted"] for line in wanted for identifier in [line.counter, *(id for id, _ in line.logpoints)])
        harness.wait_until(lambda: sink.exists() and sink.read_bytes()[begin:].count(b"\n") >= expected, 60, f"{expected} events in the file")
        for text in sink.read_bytes()[begin:].splitlines():
            event = json.loads(text)
            events[event["logpoint"]].append(event)
    env.ctl("rm", "--all")
    return events, hits


def _finished(env, identifier):
    return harness.find_key(env.ctl_json("describe", identifier), "state") == "finished"


def load_bias(pid, binary):
    with open(binary, "rb") as file:
        header = file.read(18)
    if struct.unpack_from("<H", header, 16)[0] == 2:  # ET_EXEC
        return 0
    real = os.path.realpath(binary)
    for mapping in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        if mapping.endswith(real):
            return int(mapping.partition("-")[0], 16)
    raise harness.Failure(f"{binary} is not mapped in {pid}")


class GdbCrashed(Exception):
    pass


def gdb_answers(env, material, lines):
    """gdb_run, and when gdb itself dies of a line (13.1 does, of some partly optimized out objects), all lines but that one."""
    try:
        return gdb_run(env, material, lines)
    except GdbCrashed as crash:
        if len(lines) == 1:
            return {"lines": {}, "counts": {}, "capped": [], "rows": {}, "crashed": [lines[0].location]}
        middle = len(lines) // 2
        first, second = gdb_answers(env, material, lines[:middle]), gdb_answers(env, material, lines[middle:])
        print(f"  gdb crashed, again with half of the lines: {crash}", flush=True)
        return {"lines": {**first["lines"], **second["lines"]}, "counts": {**first["counts"], **second["counts"]},
                "capped": first["capped"] + second["capped"], "rows": {**first["rows"], **second["rows"]},
                "crashed": first.get("crashed", []) + second.get("crashed", [])}


def gdb_run(env, material, lines):
    output = env.tmp / f"gdb-{material.name}.json"
    output.unlink(missing_ok=True)
    with target.stopped(material.argv, bool(material.library)) as process:
        sites = [{"address": int(site["statement_address"], 16), "line": line.number, "file": line.base_name, "function": site["function"],
                  "expressions": line.expressions} for line in lines for site in line.sites]
        request = {"output": str(output), "hits": HITS, "hit_cap": HIT_CAP, "bias": load_bias(process.pid, material.binary),
                   "sites": sites, "lines": [line.location for line in lines]}
        request_path = env.tmp / "gdb-request.json"
        request_path.write_text(json.dumps(request))
        child = env.spawn(["gdb", "-batch", "-nx", "-ex", "set auto-load off", "-p", process.pid, "-x", HERE / "gdb_side.py"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, DLOG_ORACLE=str(request_path)))
        try:
            out, err = child.communicate(timeout=RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise harness.Failure(f"{material.name} does not end under gdb") from None
        finally:
            env.end(child)
        if not output.exists():
            if child.returncode != 0 or "internal-error" in err or "internal problem" in err:
                raise GdbCrashed(err.strip()[-100:])
            raise harness.Failure(f"gdb failed on {material.name}: {out[-800:]}{err[-800:]}")
    answer = json.loads(output.read_text())
    answer["counts"] = {int(address): count for address, count in answer["counts"].items()}
    answer["lines"] = {line: {int(address): at for address, at in found.items()} for line, found in answer["lines"].items()}
    return answer


def gdb_rows(answer, line):
    """The first rows of all sites of the line, in the order of the run; more than HITS when the line has several sites."""
    found = []
    for site in line.sites:
        rows = answer["rows"].get(f"{int(site['statement_address'], 16)}:{line.number}", [])
        found += [dict(row, probe=site["probe_address"], site=site["statement_address"]) for row in rows]
    return sorted(found, key=lambda row: row["serial"])


def row_of(event, index, rows):
    """The row of gdb that the `index`th event is about. Two statements may share a probe: their order is not told then."""
    first, last = index, index
    while first > 0 and rows[first - 1]["probe"] == rows[index]["probe"]:
        first -= 1
    while last + 1 < len(rows) and rows[last + 1]["probe"] == rows[index]["probe"]:
        last += 1
    shared = len({row["site"] for row in rows[first:last + 1]}) > 1

    candidates = [index, *range(first, last + 1)] if shared else [index]
    return min(candidates, key=lambda candidate: misfit(event, rows[candidate]["values"]))


def misfit(event, values):
    """How badly what gdb has (`values`) fits what dlog shows."""
    verdicts = [compare.compare(value, values[value["expr"]])[0] for value in event["values"] if value["expr"] in values]
    return [verdicts.count(verdict) for verdict in (compare.WRONG, compare.INVENTED, compare.LOST)]


def values_of(event, row):
    """What gdb has of the copy of the function that the event is about, where the function is inlined into itself."""
    return min([row["values"], *row["copies"]], key=lambda values: misfit(event, values))


@functools.lru_cache(maxsize=1)
def views_of(binary):
    return views.Views(binary)


def is_told(value, other, told, registers, offset=0):
    """Whether the bytes `told` of the object are what dlog shows of it: True, False, or None when they do not say."""
    if value["status"] not in compare.SHOWN:
        return True
    fields = value.get("fields")
    if fields is not None:
        if other["k"] != "struct" or len({name for name, _ in other["f"]}) != len(other["f"]):
            return None
        theirs = {name: (part, place) for (name, part), place in zip(other["f"], other["o"])}
        found = []
        for field in fields:
            part, place = theirs.get(field["name"], (None, None))
            found.append(None if place is None else is_told(field, part, told, registers, offset + place))
        return False if False in found else None if None in found else True
    if isinstance(value.get("value"), str) and value["type"].rstrip().removesuffix("const").rstrip().endswith("*"):
        return is_told_text(value["value"], other, told, offset, registers)
    mine, bits = compare.integer(value), 64 if other["k"] == "ptr" else other.get("bits")
    if mine is None or not bits or any(offset + at not in told for at in range(bits // 8)):
        return True if compare.compare(value, other)[0] == compare.SAME else None  # no proof needed of what gdb shows, too
    return bytes(told[offset + at] for at in range(bits // 8)) == (mine % (1 << bits)).to_bytes(bits // 8, "little")


def is_told_text(text, other, told, offset, registers):
    """The same of a text: dlog shows what is at the address that is told, gdb what is at another one nearby or behind a register."""
    if any(offset + at not in told for at in range(8)):
        return None
    address = int.from_bytes(bytes(told[offset + at] for at in range(8)), "little")
    mine, theirs = text.encode(), registers.get("texts", {}).get(str(address))
    if theirs is None and "s" not in other:
        return None
    moved = 0 if theirs is not None else address - other["v"]
    theirs = bytes.fromhex(theirs if theirs is not None else other["s"])
    theirs, mine = (theirs[moved:], mine) if moved >= 0 else (theirs, mine[-moved:])
    both = min(len(theirs), len(mine))
    return theirs[:both] == mine[:both] if both else None


def by_views(material, line, row, value, other, verdict):
    """Rule 17: `verdict`, unless location views tell a description of the variable that gdb has not taken. What gdb does not show, or
    shows otherwise, is only right when that description proves it here."""
    told = views_of(material.binary).told(value["expr"].lstrip("*"), line.base_name, line.number, int(row["site"], 16))
    if told is None:
        return verdict
    shown = value["status"] in compare.SHOWN
    if bool(told) != shown:
        return verdict
    if not shown:  # neither the debug information nor dlog has a value for this statement
        return compare.NEITHER, "no value at this statement, by its views"
    if value["expr"].startswith("*"):
        return compare.NEITHER, f"behind another pointer at this statement, by its views: {told}"
    if value["type"].endswith("&") and not all(isinstance(text, views.Target) for text in told):  # it tells where the object is
        return compare.compare(value, other["at_entry"]) if "at_entry" in other and all("entry_value" in text for text in told) else verdict
    found = [is_told(value, other, views.object_bytes(text, row["registers"]), row["registers"]) for text in told]
    if True in found:
        return compare.SAME, ""
    return (compare.WRONG, f"dlog {value.get('text')}, by its views {told}") if None not in found else verdict


def differs(rows, row, event, name, other):
    """Whether another run of gdb has something else than `other`."""
    return row < len(rows) and values_of(event, rows[row]).get(name) != other


def judge_line(tally, material, line, events, hits, answer, again):
    """Compares everything about one line; `tally` is a report.Tally, `again(N)` what gdb says in its Nth other run."""
    tally.lines += 1
    if not line.counter:
        tally.refused.append(f"{line.location}: {line.refusal}")
        return
    if line.location in answer.get("crashed", []):
        tally.refused.append(f"{line.location}: gdb crashes there")
        return
    addresses = {int(site["statement_address"], 16) for site in line.sites}
    # gdb moves a breakpoint to the next line, or behind what it takes for a prologue: not an answer about this line.
    theirs = {address for address, at in answer["lines"].get(line.location, {}).items() if at == line.number or address in addresses}
    if not theirs:
        tally.unknown_to_gdb += 1
    elif not (theirs | addresses) & set(answer["capped"]):
        of_line = sum(answer["counts"].get(address, 0) for address in theirs)
        of_sites = sum(answer["counts"].get(address, 0) for address in addresses)
        tally.count(material.name, line, hits[line.location], of_line, of_sites, addresses, theirs)
    rows = gdb_rows(answer, line)
    shown = set()
    for identifier, names in line.logpoints:
        for index, event in enumerate(sorted(events.get(identifier, []), key=lambda event: event["time"])[:HITS]):
            if index >= len(rows):
                break
            row = row_of(event, index, rows)
            values = values_of(event, rows[row])
            for value in event["values"]:
                shown.add(value["expr"])
                other = values.get(value["expr"])
                where = f"{material.name} {line.location} hit {index + 1} {value['expr']}"
                if other is None:
                    tally.only_dlog(where, value, rows[row]["later"])
                else:
                    verdict = compare.compare(value, other)
                    if verdict[0] == compare.WRONG:
                        if any(differs(gdb_rows(again(run), line), row, event, value["expr"], other) for run in range(GDB_REPEATS)):
                            verdict = compare.NEITHER, "differs between two runs of gdb"
                    if verdict[0] in (compare.WRONG, compare.INVENTED, compare.LOST):
                        verdict = by_views(material, line, rows[row], value, other, verdict)
                    tally.judge(where, *verdict)
    for index, row in enumerate(rows[:1]):
        for name, other in row["values"].items():
            if name not in shown and not name.startswith(("*", "__")) and not compare.nothing_shown(other) and line.logpoints:
                missing = {"expr": name, "status": "optimized_out"}
                verdict = by_views(material, line, row, missing, other, (compare.LOST, line.why_missing(name)))
                tally.judge(f"{material.name} {line.location} hit {index + 1} {name}", *verdict)


def run_material(env, material, seed, lines=None):
    chosen = lines or candidate_lines(env, material, seed)
    studied = [Line(file, number) for file, number in chosen]
    for line in studied:
        study(env, material, line)
    tally = report.Tally(material.name)
    answer = gdb_answers(env, material, studied)
    events, hits = dlog_run(env, material, studied)
    again = functools.cache(lambda _: gdb_answers(env, material, studied))
    for line in studied:
        judge_line(tally, material, line, events, hits, answer, again)
    return tally


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="directory of dlogd, dlogctl and dlog-symbolizer")
    parser.add_argument("--short", action="store_true", help="the part for CI: at most a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], help="materials whose name contains this")
    parser.add_argument("--minutes", type=float, default=0, help="begin no material after this time; the rest is skipped")
    parser.add_argument("--results", help="write the table there")
    parser.add_argument("--state", help="a file that keeps what each material gave; what is in it is not run again; failed ones are not kept")
    parser.add_argument("--verbose", action="store_true", help="print every finding, lost ones too")
    parser.add_argument("--program", help="another program: its command line")
    parser.add_argument("--file", action="append", default=[], help="with --program: a source file of it")
    parser.add_argument("--line", type=int, action="append", default=[], help="with --program or one material: these lines only")
    parser.add_argument("--lines", type=int, default=40, help="with --program: how many random lines")
    return parser.parse_args()


def kept_tallies(state):
    """What earlier runs with this --state found, by material."""
    path = pathlib.Path(state) if state else None
    if path is None or not path.exists():
        return {}
    found = map(report.Tally.from_json, map(json.loads, path.read_text().splitlines()))
    return {tally.name: tally for tally in found}


def main():
    options = arguments()
    env = harness.Environment(options.bin, require_bpf=True)
    if options.program:
        argv = shlex.split(options.program)
        made = [(argv[0], lambda: materials.Material(os.path.basename(argv[0]), argv, options.file, options.lines))]
    else:
        made = materials.makers(options.short)
    kept = kept_tallies(options.state)
    tallies, skipped, failed = [], 0, 0
    begun = time.monotonic()
    try:
        # What is called `token` is a value like others here.
        config = env.tmp / "oracle.yaml"
        config.write_text("redaction:\n  enabled: false\n")
        env.start_daemon("--config", config, "--sink", f"file:{events_file(env)}")
        for name, make in made:
            if options.only and not any(word in name for word in options.only):
                continue
            if name in kept:
                tallies.append(kept[name])
                continue
            if options.minutes and time.monotonic() - begun > options.minutes * 60:
                skipped += 1
                continue
            try:
                material = make()
                lines = [(material.files[0], number) for number in options.line] or None
                started = time.monotonic()
                tallies.append(run_material(env, material, options.seed, lines))
                print(tallies[-1].line(time.monotonic() - started), flush=True)
                for finding in tallies[-1].findings(options.verbose):
                    print("  " + finding, flush=True)
                if options.state and not tallies[-1].failed:
                    with open(options.state, "a", encoding="utf-8") as state:
                        state.write(json.dumps(tallies[-1].as_json()) + "\n")
                if options.results:  # after each, so that a run that is ended early has its table
                    pathlib.Path(options.results).write_text(report.document(tallies, options.seed))
            except materials.Missing as missing:
                skipped += 1
                print(f"SKIP {name}: {missing}", flush=True)
            except (harness.Failure, harness.Skip) as failure:
                failed += 1
                print(f"FAIL {name}: {failure}", flush=True)
    finally:
        env.close()
    failed += sum(tally.failed for tally in tallies)
    passed = sum(not tally.failed for tally in tallies)
    print(report.total_line(tallies))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
