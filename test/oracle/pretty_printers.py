# SPDX-License-Identifier: Apache-2.0
"""dlog against libstdc++'s own tests of its gdb printers (Debian's gcc-12-source): each variable that such a test names is
printed by gdb, has to be what the test expects, and is compared with what dlog shows on the same line.

Rules, where the two write the same thing in different ways (there are no exceptions by name):
 1. What a printer says before the contents (name, length, capacity, index, use counts) is no content.
 2. Marks of gdb's that name a part which dlog shows by itself ("[contained value] = ", "get() = ", "first = ") are left out.
 3. "<repeats N times>" means the element N times, "..." that the rest is not shown: then the shorter one is compared.
 4. Addresses are compared as null or not; quotes and braces are no content. An empty container is one without contents.
 5. A weak pointer of which the object is gone is `expired`. Equal strong orderings are equivalent. Bits are compared by which of them are set, a path by its text.
 6. What dlog shows as an address of its own (iterators, std::any), and an object of which gdb only shows the address (smart
    pointers), is counted as `address`, a type without visualizer, shown by its members, as `members`: neither says anything else
    about the contents. A status counts as `status`.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

ARCHIVE = "/usr/src/gcc-12"
FOLDER = "libstdc++-v3/testsuite/libstdc++-prettyprinters"
SHORT = ("simple11.cc", "cxx11.cc", "cxx17.cc")
# Other libraries than the standard one, and wholly other programs.
LEFT_OUT = {"filesystem-ts.cc": "needs -lstdc++fs", "libfundts.cc": "experimental library", "whatis.cc": "names of types only",
            "whatis2.cc": "names of types only", "compat.cc": "classes of the test's own", "tr1.cc": "std::tr1",
            "debug.cc": "debug mode", "debug_cxx11.cc": "debug mode", "91997.cc": "a backtrace"}
LEAF = re.compile(r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?|\'(?:[^\'\\]|\\.)*\'|<repeats \d+ times>|-?[A-Za-z0-9_.+:-]+')


def expectations(source):
    """name -> (kind, text) of the note-tests and regexp-tests."""
    found = {}
    for match in re.finditer(r"\{ dg-final \{ (note-test|regexp-test) (\S+|\{[^}]*\}) (?=[{\"])", source):
        start = match.end()
        if source[start] == '"':
            end = source.index('" } }', start)
            text = source[start + 1:end]
        else:
            depth, end = 0, start
            for end in range(start, len(source)):
                depth += {"{": 1, "}": -1}.get(source[end], 0) if source[end - 1] != "\\" else 0
                if depth == 0:
                    break
            text = source[start + 1:end]
        if source[start] == '"':
            text = text.replace('\\"', '"').replace("\\\\", "\\")
        if match.group(1) == "regexp-test":
            # To Tcl these are no repetitions.
            text = re.sub(r"(?<!\\)([{}])", r"\\\1", text).replace("[[:xdigit:]]", "[0-9a-f]")
        found[match.group(2).strip("{}")] = (match.group(1), text)
    return found


def contents(text):
    """gdb's text without what the printer says before the contents, and marks of parts."""
    path = re.match(r'filesystem::path ("(?:[^"\\]|\\.)*")', text)
    if path:
        return path.group(1)
    head = re.match(r'[^"{]*? = (?=\{)', text)
    if head is None and re.match(r"(std::|empty |non-deref|invalid )", text):
        return ""
    text = text[head.end():] if head else text
    if head is None or "map" not in head.group():
        text = re.sub(r"\[\d+\] = ", "", text)
    return text.replace("[contained value] = ", "")


def leaves(text):
    """What a text says, as a list; None in it: the rest is not shown."""
    text = re.sub(r"\b(?:get\(\)|first|second|_M_\w+) = ", "", text)
    text = re.sub(r'0x[0-9a-f]+ (?=[<"])', "", text)
    text = re.sub(r"\bempty std::\w+(?=[,}])", "{}", text)
    out = []
    for leaf in LEAF.findall(text):
        if leaf.startswith("<repeats"):
            out += [out[-1]] * (int(leaf.split()[1]) - 1)
        elif leaf == "...":
            out.append(None)
        elif leaf in ("nullptr", "0x0"):
            out.append("null")
        elif leaf.startswith("0x"):
            out.append("address")
        else:
            out.append(leaf.removesuffix("...").strip('"'))
    return out


def judge(gdb_text, shown, status):
    """One of: same, address, members, status, WRONG."""
    if status not in ("ok", "truncated", "partial"):
        return "status"
    if "_M_" in shown and "_M_" not in gdb_text:
        return "members"
    ordering = re.fullmatch(r"std::(?:strong|weak|partial)_ordering::(\w+)", gdb_text)
    if ordering:
        return "same" if same(ordering.group(1), shown.lstrip("_").lower()) else "WRONG"
    inside = contents(gdb_text)
    if re.fullmatch(r"0x[0-9a-f]+( <.*>)?", shown):
        return "same" if "0x" in inside else "address"
    if "(expired" in gdb_text or shown == "expired":
        return "same" if "(expired" in gdb_text and shown == "expired" else "WRONG"
    if shown in ("{}", "", "nullopt", "nullptr", "valueless", "expired"):
        return "same" if leaves(inside) in ([], ["null"], [""]) else "WRONG"
    if gdb_text.startswith("std::bitset"):
        bits = re.findall(r"\[(\d+)\] = 1", gdb_text)
        return "same" if [str(i) for i, bit in enumerate(reversed(shown)) if bit == "1"] == bits else "WRONG"
    if "get() = 0x" in gdb_text and "get() = 0x0" not in gdb_text:
        return "address"
    # A text by itself is not quoted by dlog.
    left = leaves(inside)
    right = [shown] if len(left) == 1 and inside.strip("{}").startswith('"') else leaves(shown)
    for i, part in enumerate(left):
        if part is None:
            return "same"
        if i >= len(right):
            return "same" if status == "truncated" else "WRONG"
        if not same(part, right[i]):
            return "WRONG"
    return "same" if len(left) == len(right) else "WRONG"


def same(one, other):
    if one == other or {one, other} <= {"null", "0", "nullptr"} or {one, other} <= {"equal", "equivalent"}:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return one.strip("'") == other.strip("'")


def printed_by_gdb(program, line, names):
    commands = ["set pagination off", "set print frame-arguments none", f"break {line}", "run > /dev/null"]
    for name in names:
        commands += [f"echo @@{name}@@", f"print {name}", "echo @@\\n"]
    arguments = [item for command in commands for item in ("-ex", command)]
    output = subprocess.run(["gdb", "-batch", "-nx", *arguments, str(program)], capture_output=True, text=True, check=False).stdout
    return {name: value.strip().split(" = ", 1)[-1] for name, value in re.findall(r"@@(\S+?)@@(.*?)@@\n", output, re.S)}


def shown_by_dlog(bin_directory, program, location, names):
    """name -> the value object; names that dlog refuses are left out."""
    out = {}
    names = list(names)
    for start in range(0, len(names), 12):
        part = names[start:start + 12]
        control = subprocess.Popen([bin_directory / "dlogctl", "-o", "json", "log", "-x", program, location, "|".join("{" + n + "}" for n in part),
                                    "--hits", "1", "--rate", "0", "--budget", "400%", "--bytes", "64KiB"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        killer = threading.Timer(60, control.kill)
        killer.start()
        attached = False
        for line in control.stderr:
            if " logs at " in line or "waits" in line or "no process" in line:
                attached = True
                break
        if not attached and len(part) > 1:
            control.wait()
            killer.cancel()
            for name in part:
                out.update(shown_by_dlog(bin_directory, program, location, [name]))
            continue
        if attached:
            subprocess.run([program], stdout=subprocess.DEVNULL, check=False, timeout=60)
        text, _ = control.communicate()
        killer.cancel()
        for line in text.splitlines():
            if line.startswith("{"):
                out.update((value["expr"], value) for value in json.loads(line).get("values", []))
    return out


def run_file(bin_directory, file, compiler, directory, verbose):
    source = file.read_text()
    options = re.search(r'dg-options "([^"]*)"', source)
    options = options.group(1).split() if options else []
    if not any(option.startswith("-std") for option in options):
        options.append("-std=gnu++17")
    if "-O0" not in options:
        options.append("-O0")
    program = directory / f"{file.stem}-{compiler}"
    whole = ["-fstandalone-debug"] if "clang" in compiler else []
    built = subprocess.run([compiler, "-g", "-w", *options, *whole, f"-I{file.parent.parent / 'util'}", file, "-pthread", "-o", program], capture_output=True, text=True, check=False)
    if built.returncode != 0:
        return None
    spot = next(number for number, line in enumerate(source.splitlines(), 1) if "Mark SPOT" in line)
    expected = {name: want for name, want in expectations(source).items() if re.fullmatch(r"[\w.]+", name)}
    by_gdb = printed_by_gdb(program, f"{file.name}:{spot}", expected)
    by_dlog = shown_by_dlog(bin_directory, program, f"{file.name}:{spot}", expected)
    counts = {}
    for name, (kind, text) in expected.items():
        gdb_text = re.sub(r"\s+", " ", by_gdb.get(name, ""))
        wanted = re.sub(r"\s+", " ", text)
        as_expected = gdb_text == wanted if kind == "note-test" else re.search(wanted, gdb_text)
        value = by_dlog.get(name)
        if not as_expected:
            verdict = "gdb differs"
        elif value is None:
            verdict = "refused"
        else:
            verdict = judge(gdb_text, value.get("text", ""), value["status"])
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict == "WRONG" or (verbose and verdict != "same"):
            shown = value.get("text", "") if value else ""
            print(f"{verdict}: {file.name} {compiler} {name}: gdb {gdb_text[:200]!r}, dlog {shown[:200]!r}", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--sources", type=pathlib.Path, help="the tests, when they are unpacked already")
    parser.add_argument("--short", action="store_true", help="three files, g++ only")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dlog-printers-") as temporary:
        directory = pathlib.Path(temporary)
        sources = options.sources
        if sources is None:
            archives = sorted(pathlib.Path(ARCHIVE).glob("gcc-*.tar.*"))
            if not archives:
                print(f"SKIP pretty printers: no gcc sources in {ARCHIVE} (gcc-12-source)\n0 passed, 0 failed, 1 skipped")
                return 0
            subprocess.run(["tar", "xf", archives[-1], "-C", directory, "--wildcards", f"*/{FOLDER}/*.cc",
                            "*/libstdc++-v3/testsuite/util/*.h"], check=True)
            sources = next(directory.glob(f"*/{FOLDER}"))
        rows = []
        for file in sorted(sources.glob("*.cc")):
            if file.name in LEFT_OUT or (options.short and file.name not in SHORT):
                continue
            for compiler in ("g++",) if options.short else ("g++", "clang++"):
                counts = run_file(options.bin, file, compiler, directory, options.verbose)
                rows.append((file.name, compiler, counts))
                print(file.name, compiler, counts if counts is not None else "does not compile", flush=True)
    wrong = sum(counts.get("WRONG", 0) for _, _, counts in rows if counts)
    if options.results:
        write_results(options.results, rows)
    print(f"{sum(1 for _, _, c in rows if c and not c.get('WRONG'))} passed, {sum(1 for _, _, c in rows if c and c.get('WRONG'))} failed")
    return 1 if wrong else 0


def write_results(path, rows):
    columns = ["same", "address", "members", "status", "refused", "gdb differs", "WRONG"]
    lines = ["# libstdc++'s tests of its gdb printers", "", "Written by `pretty_printers.py`, whose head has the rules.", "",
             "| test | compiler | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for name, compiler, counts in rows:
        cells = ["does not compile"] + [""] * (len(columns) - 1) if counts is None else [str(counts.get(c, 0)) for c in columns]
        lines.append(f"| {name} | {compiler} | " + " | ".join(cells) + " |")
    lines += ["", "Not run: " + "; ".join(f"{name} ({why})" for name, why in sorted(LEFT_OUT.items())) + ".", ""]
    path.write_text("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
