# SPDX-License-Identifier: Apache-2.0
"""Containers that another thread changes while they are captured: shown as they were at one moment, or not shown.

One moment may be the middle of a change: a writer that is preempted between storing a string's pointer and its length leaves
exactly that in memory for the whole capture, and no second look at the header can tell. Those are rare; reads that mix two moments,
which the second look is for, are not."""
import collections

import fixtures
import harness
from harness import check
from registry import scenario

EVENTS = 400
MAX_HALF_CHANGED = EVENTS // 100  # of one expression


def _letter(size):
    return chr(ord("a") + size % 26)


def _wrong_numbers(value):
    items = [item.get("value") for item in value.get("items", []) if item["status"] == "ok"]
    return [item for item in items if item != value["size"]]


def _wrong_texts(value):
    texts = [item["value"] for item in value.get("items", []) if item["status"] == "ok"]
    return [text for text in texts if text != _letter(len(text)) * len(text)]


def _wrong_text(value):
    text = value["value"]
    return [text] if text != _letter(len(text)) * len(text) else []


def _wrong_tree(value):
    pairs = [[field.get("value") for field in item["fields"]] for item in value.get("items", []) if item["status"] == "ok"]
    return [pair for at, pair in enumerate(pairs) if pair != [at, value["size"]]]


CHECKS = {"s.numbers": _wrong_numbers, "s.text": _wrong_text, "s.words": _wrong_texts, "s.queue": _wrong_numbers,
          "s.chain": _wrong_numbers, "s.tree": _wrong_tree}


@scenario("racing/containers of a writing thread", needs=("bpf", "g++"))
def _racing(env):
    program = fixtures.compile_program("race", ["race.cc", "keep.cc"], "-std=c++20", "-O1", "-g")
    line = harness.source_line("test/e2e/programs/race.cc", "// the logpoint")
    with env.running([program]) as target:
        seen = collections.Counter()
        for expression, wrong in CHECKS.items():
            events = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"race.cc:{line}", "{" + expression + "}", "--rate", "0",
                                "--hits", EVENTS, "--string", "64").json_lines()
            half_changed = []
            for event in events:
                value = event["values"][0]
                seen[expression, value["status"]] += 1
                if value["status"] in ("ok", "truncated"):
                    half_changed += [value["text"]] if wrong(value) else []
            check(len(half_changed) <= MAX_HALF_CHANGED, f"{expression} never was any of {half_changed[:5]}: {len(half_changed)} of {EVENTS}")
        for expression in CHECKS:
            check(seen[expression, "ok"] > 0, f"{expression} was never shown: {dict(seen)}")
        # How often something is torn depends on the machine; that it is told is tested in test/bpf and test/unit.
