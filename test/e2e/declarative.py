# SPDX-License-Identifier: Apache-2.0
"""Declarative cases: cases/*.toml.

    [lines]                           # names for lines, by what they read; used as @name@
    reserve = ["test/programs/shop/order.cc", "inventory.Reserve("]
    after = ["test/programs/shop/order.cc", "inventory.Reserve(", 1]   # the line after it

    [[case]]
    name = "unknown file"             # shown as FILE/NAME
    target = "shop"                   # a fixture to start for the case; its process id is @pid@ (default: none)
    needs = ["bpf"]                   # see registry.check_needs; default ["bpf"]
    server = "daemon"                 # "daemon" (default): through dlogd; "embedded": no daemon
    command = ["log", "-p", "@pid@", "@reserve@", "x"]
    exit = 0                          # default 0
    lines = 5                         # exactly so many lines on stdout
    every_line = "regex"              # each line of stdout
    stdout = ["regex", ...]           # each is found in stdout
    stderr = ["regex", ...]           # each is found in stderr
    refused = "regex"                 # exit 1, nothing on stdout, stderr = one line with this, perhaps a caret, then `hint: ...`
    hint = "regex"                    # found in the hint line
    caret = "text"                    # refused, and stderr shows this text with a caret under its column `caret_column`
    caret_column = 7

In `command`: @pid@, @dead_pid@ (a process that has ended), @unused_pid@ (no such process), @tmp@, @NAME@ of a line as
`file.cc:N`, @file:NAME@ for the path of a fixture.
"""
import contextlib
import pathlib
import re
import subprocess
import tomllib

import fixtures
import harness
import registry
from harness import check, check_equal

# What dlogctl appends to a line when hits before it did not become lines: not the subject of these cases.
_LOSS = re.compile(r" ~\d+ \([^()]*\)$")
_KEYS = {"name", "target", "needs", "server", "command", "exit", "lines", "every_line", "stdout", "stderr", "refused", "hint",
         "caret", "caret_column"}


def load(folder):
    cases = []
    for path in sorted(folder.glob("*.toml")):
        document = tomllib.loads(path.read_text())
        for entry in document["case"]:
            unknown = entry.keys() - _KEYS
            if unknown:
                raise ValueError(f"{path.name}: {entry.get('name')}: unknown keys {unknown}")
            cases.append(_case(path.stem, entry, document.get("lines", {})))
    return cases


def _case(group, entry, lines):
    embedded = entry.get("server", "daemon") == "embedded"
    needs = tuple(entry.get("needs", ["bpf"])) + (("no default daemon",) if embedded else ())

    def run(env):
        with contextlib.ExitStack() as stack:
            pid = None
            if "target" in entry:
                program = fixtures.fixture(env, entry["target"])
                pid = stack.enter_context(env.shop(program=program)).pid
            words = [_substitute(env, word, pid, lines) for word in entry["command"]]
            result = env.ctl(*words, server=not embedded)
            _expect(entry, result)
            if pid is not None:
                check(harness.is_running(pid), f"the target is gone: {result}")

    return registry.Case(f"{group}/{entry['name']}", run, needs, daemon=not embedded)


def _substitute(env, word, pid, lines):
    def replace(match):
        name = match[1]
        if name == "pid":
            return str(pid)
        if name == "dead_pid":
            child = subprocess.Popen(["true"])
            child.wait()
            return str(child.pid)
        if name == "unused_pid":
            return pathlib.Path("/proc/sys/kernel/pid_max").read_text().strip()
        if name == "tmp":
            return str(env.tmp)
        if name.startswith("file:"):
            return str(fixtures.fixture(env, name[5:]))
        if name in lines:
            file, text, *offset = lines[name]
            return f"{pathlib.Path(file).name}:{harness.source_line(file, text) + sum(offset)}"
        raise harness.Failure(f"unknown placeholder @{name}@")

    return re.sub(r"@([\w:]+)@", replace, word)


def _expect(entry, result):
    refused = "refused" in entry
    check_equal(result.returncode, entry.get("exit", 1 if refused else 0), f"exit status of {result}\nexit status")
    out_lines = result.stdout.splitlines()
    if "lines" in entry:
        check_equal(len(out_lines), entry["lines"], f"{result}\nlines on stdout")
    for line in out_lines:
        line = _LOSS.sub("", line)
        check(re.search(entry.get("every_line", ""), line), f"line {line!r} does not match {entry.get('every_line')!r}")
    for stream in ("stdout", "stderr"):
        for pattern in entry.get(stream, []):
            check(re.search(pattern, getattr(result, stream), re.MULTILINE), f"{stream} lacks {pattern!r}: {result}")
    if refused:
        _expect_refusal(entry, result)


def _expect_refusal(entry, result):
    check_equal(result.stdout, "", f"{result}\nstdout of a refusal")
    lines = result.stderr.splitlines()
    check(lines and re.search(entry["refused"], lines[0]), f"the first line lacks {entry['refused']!r}: {result}")
    check(lines[-1].startswith("hint: "), f"the last line is no hint: {result}")
    check(re.search(entry.get("hint", ""), lines[-1]), f"the hint lacks {entry.get('hint')!r}: {result}")
    if "caret" in entry:
        _expect_caret(entry, lines, result)
    else:
        # Between the two at most the text in question with a caret under it.
        pointed = len(lines) == 4 and lines[2].strip() == "^"
        check(len(lines) == 2 or pointed, f"more than one clear line and a hint: {result}")


def _expect_caret(entry, lines, result):
    for above, below in zip(lines, lines[1:]):
        start = above.find(entry["caret"])
        if start >= 0 and below.strip() == "^":
            check_equal(below.index("^") - start, entry["caret_column"], f"{result}\ncolumn of the caret")
            return
    check(False, f"no caret under {entry['caret']!r}: {result}")
