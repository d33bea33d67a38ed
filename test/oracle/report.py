# SPDX-License-Identifier: Apache-2.0
"""Counts what the oracle finds, and prints it."""
import collections
import datetime
import os
import platform

import compare

MAX_PRINTED = 12


class Tally:
    """One material."""

    def __init__(self, name):
        self.name = name
        self.lines = 0
        self.refused = []
        self.verdicts = collections.Counter()
        self.lost_by_class = collections.Counter()
        self.counted = 0
        self.counted_equal = 0
        self.unknown_to_gdb = 0  # lines where gdb places no breakpoint
        self._bad = []
        self._notes = []

    def judge(self, where, verdict, detail):
        self.verdicts[verdict] += 1
        if verdict == compare.LOST:
            kind, reason = detail
            self.lost_by_class[kind] += 1
            self._notes.append(f"lost ({kind}) {where}: {reason}")
        elif verdict in (compare.WRONG, compare.INVENTED):
            self._bad.append(f"{verdict} {where}: {detail}")

    def only_dlog(self, where, value, later):
        """A name that gdb does not have in scope there."""
        if value["status"] not in compare.SHOWN:
            self.verdicts[compare.NEITHER] += 1
            return
        self.verdicts[compare.EXTRA] += 1
        self._notes.append(f"only dlog {where} = {value.get('text')}" + (" (declared later)" if value["expr"] in later else ""))

    def count(self, material, line, dlog, of_line, of_sites, addresses, theirs):
        self.counted += 1
        if dlog == of_line:
            self.counted_equal += 1
            return
        places = f"dlog at {_hex(addresses)}, gdb at {_hex(theirs)}"
        text = f"hits {material} {line.location}: dlog {dlog}, gdb's line {of_line}, gdb at dlog's sites {of_sites}; {places}; {line.refusal}"
        # At the same addresses the two must agree; at others they answer different questions.
        (self._bad if dlog != of_sites and not line.refusal else self._notes).append(text)

    def as_json(self):
        """The counts (not the findings), for a run that is continued."""
        return {key: value for key, value in vars(self).items() if key != "_notes"}

    @classmethod
    def from_json(cls, document):
        tally = cls(document["name"])
        for key, value in document.items():
            setattr(tally, key, collections.Counter(value) if isinstance(getattr(tally, key), collections.Counter) else value)
        return tally

    @property
    def variables(self):
        return sum(self.verdicts.values())

    @property
    def lost(self):
        return self.verdicts[compare.LOST]

    @property
    def failed(self):
        return 1 if self._bad else 0

    def findings(self, verbose):
        shown = self._bad if verbose else self._bad[:MAX_PRINTED]
        return [*shown, *(sorted(self._notes) + self.refused if verbose else [])]

    def line(self, seconds):
        v = self.verdicts
        return (f"{'FAIL' if self.failed else 'ok  '} {self.name}: {self.lines} lines ({len(self.refused)} refused), {self.variables} values, "
                f"{v[compare.SAME]} same, {v[compare.WRONG]} wrong, {v[compare.INVENTED]} invented, {self.lost} lost "
                f"{dict(self.lost_by_class)}, {v[compare.EXTRA]} only dlog, hits {self.counted_equal}/{self.counted} ({seconds:.1f} s)")


def _hex(addresses):
    return "{" + ", ".join(f"{address:#x}" for address in sorted(addresses)) + "}"


def _share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _sum(tallies, name, lines=True):
    total = Tally(name)
    for tally in tallies:
        total.unknown_to_gdb += tally.unknown_to_gdb
        total.lines += tally.lines
        total.refused += tally.refused
        total.verdicts += tally.verdicts
        total.lost_by_class += tally.lost_by_class
        total.counted += tally.counted
        total.counted_equal += tally.counted_equal
    return total


def total_line(tallies):
    total = _sum(tallies, "all")
    v = total.verdicts
    compared = v[compare.SAME] + v[compare.WRONG] + total.lost
    return (f"{total.lines} lines, {total.variables} values: {v[compare.SAME]} same, {v[compare.WRONG]} wrong, {v[compare.INVENTED]} invented, "
            f"{total.lost} lost ({_share(total.lost, compared)} of what gdb shows), hit counts equal on {total.counted_equal} of {total.counted} lines")


def document(tallies, seed):
    """RESULTS.md."""
    processor = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), "?")
    rows = []
    groups = collections.defaultdict(list)
    for tally in tallies:
        parts = tally.name.split(".")
        suite = {"guality": "gcc's guality", "gdb": "gdb's own"}.get(parts[0])
        groups[f"{suite} -{parts[-1]}" if suite else f"{parts[0]} {parts[1]}" if len(parts) == 4 else tally.name].append(tally)
    for name, members in [*groups.items(), ("**all**", tallies)]:
        total = _sum(members, name)
        v = total.verdicts
        lost = ", ".join(f"{kind} {number}" for kind, number in total.lost_by_class.most_common())
        rows.append(f"| {name} | {len(members)} | {total.lines} | {len(total.refused)} | {total.variables} | {v[compare.SAME]} | {v[compare.WRONG]} | "
                    f"{v[compare.INVENTED]} | {total.lost} | {lost} | {v[compare.EXTRA]} | {total.counted_equal} of {total.counted} |")
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d")
    return "\n".join([
        "# dlog against gdb", "",
        f"{when}, {processor}, {os.cpu_count()} CPUs, Linux {platform.release()}, `test/oracle/run.sh --seed {seed}`; what the columns mean is in README.md.",
        "Values: each variable at the first three hits of each line. A row sums -O0 to -O3 and DWARF 4 and 5 of a program and compiler.", "",
        "| material | builds | lines | refused | values | same | WRONG | INVENTED | lost | lost, by reason | only dlog | hit counts equal |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|", *rows, "", total_line(tallies), ""])
