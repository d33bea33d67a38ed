#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases over result files and prints `N passed, N failed, N skipped`, preceded by the names of the failed ones.

    test/summary.py FILE...

FILE.xml  JUnit results of ctest. A Catch2 executable counts as its test cases, any other test as one. A line `SKIP ...` in
          the output of a test turns one of its passed cases into a skipped one.
FILE.log  lines `PASS name`, `FAIL name`, `SKIP name`.

A missing or unreadable file, a file without any case, and, with DLOG_REQUIRE_BPF=1, a skipped case of ctest, are failures.
Exit status 1 when anything failed.
"""
import os
import re
import sys
import xml.etree.ElementTree

CATCH_ALL_PASSED = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.MULTILINE)
CATCH_SUMMARY = re.compile(r"^test cases:\s*(\d+)\s*\|(.*)$", re.MULTILINE)
SKIP_LINE = re.compile(r"^\s*SKIP\b.*$", re.MULTILINE)


def catch_counts(output):
    """(passed, failed) of all Catch2 summaries in the output, None without one."""
    passed = failed = 0
    found = False
    for match in CATCH_ALL_PASSED.finditer(output):
        passed, found = passed + int(match[1]), True
    for match in CATCH_SUMMARY.finditer(output):
        parts = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed as expected|failed)", match[2])}
        failed += parts.get("failed", 0)
        passed += int(match[1]) - parts.get("failed", 0)
        found = True
    return (passed, failed) if found else None


def read_ctest(path, require):
    passed, failed, skipped, names = 0, 0, 0, []
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        output = "".join(element.text or "" for element in case.iter("system-out"))
        ok = case.get("status") == "run" and case.find("failure") is None
        not_run = case.find("skipped")
        if not_run is not None and "SKIP_" not in not_run.get("message", ""):
            failed, names = failed + 1, names + [f"{case.get('name')}: {not_run.get('message')}"]  # could not be started
            continue
        if not_run is not None:
            skipped, names = skipped + 1, names + ([case.get("name")] if require else [])
            continue
        case_passed, case_failed = catch_counts(output) or (int(ok), int(not ok))
        if not ok and case_failed == 0:  # a crash, a timeout or a sanitizer's report after the summary
            case_failed = 1
        case_skipped = min(len(SKIP_LINE.findall(output)), case_passed)
        passed += case_passed - case_skipped
        skipped += case_skipped
        failed += case_failed
        if case_failed or (require and case_skipped):
            names.append(case.get("name"))
    if require:
        failed, skipped = failed + skipped, 0
    return passed, failed, skipped, names


def read_log(path):
    lines = open(path, encoding="utf-8", errors="replace").read().splitlines()
    counts = {word: [line.partition(" ")[2] for line in lines if line.startswith(word + " ")] for word in ("PASS", "FAIL", "SKIP")}
    return len(counts["PASS"]), len(counts["FAIL"]), len(counts["SKIP"]), counts["FAIL"]


def main():
    require = os.environ.get("DLOG_REQUIRE_BPF") == "1"
    total = [0, 0, 0]
    for path in sys.argv[1:]:
        try:
            *counts, names = read_ctest(path, require) if path.endswith(".xml") else read_log(path)
        except (OSError, xml.etree.ElementTree.ParseError) as error:
            counts, names = [0, 1, 0], [f"{path}: {error}"]
        if sum(counts) == 0:
            counts, names = [0, 1, 0], [f"{path}: no test ran"]
        total = [sum(pair) for pair in zip(total, counts)]
        for name in names:
            print(f"failed: {name}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
