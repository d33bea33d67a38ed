# SPDX-License-Identifier: Apache-2.0
"""Programs with constant contents: format specs, rare types, values in registers, Abseil."""
import re
import subprocess

import fixtures
import harness
from harness import Skip, check, check_equal
from registry import scenario

FORMATS = {
    "s.first:[3]": "{10, 20, 30}", "s.bytes:s": "raw text", "s.anything:s": "behind void", "s.values:[2]": "{1, 2, ...}<truncated 2/5>",
    "s.values:[9]": "{1, 2, 3, 4, 5}", "s.error:errno": "ENOENT", "s.failure:errno": "-EAGAIN", "s.fine:errno": "0",
    "s.when:%F %T": "2023-11-14 22:13:20", "s.seconds:%Y": "2023", "s.when": "2023-11-14T22:13:20.000000000Z",
    "s.z": "{real = 1.5, imag = -2}", "s.c.real": "3", "s.c": "{real = 3, imag = 0}", "s.lanes": "{1, -2, 3, -4}",
    "s.values[s.count]": "4", "s.values.back()": "5", "*s.null": "<unreadable 0x0>", "(long)s.big + 1": "2147483648",
    "(unsigned char)s.error:#x": "0x2", "s.values.size()": "5",
}
# Counts that are computed at the hit.
COUNTED = {
    "s.first:[s.count]": "{10, 20, 30}", "s.first:[s.count - 1]": "{10, 20}", "s.first + 1:[2 * s.zero + 2]": "{20, 30}",
    "s.first:[s.zero]": "{}", "s.null:[s.zero]": "{}", "s.null:[s.count]": "<corrupt: size 3 at nullptr>",
    "s.first:[s.negative]": "<error: the number of elements is negative>", "s.first:[s.garbage]": "<corrupt: size 9e18>",
    "s.first:[s.count / s.zero]": "<error: division by zero>", "s.buffer:[s.used]": "in us", "s.buffer:[s.count + 14]":
    "<error: more than the array's 16 elements>", "s.items:[s.count - 1]": '{{name = "tea", price = 549}, {name = "mug", price = 1250}}',
    "s.letters:[s.count]": "tea", "s.first:[s.values.size() - 1]": "{10, 20, 30, 40}",
}
COUNTED_REFUSED = {"s.first:[s.half]": "must be an integer", "s.values:[s.count]": "neither a pointer nor an array",
                   "s.anything:[s.count]": "size of 'const void' is not known", "s.first:[n]": "no variable 'n'", "s.first:[s.count": "']' is expected",
                   "s.first:[s.count]x": "nothing may follow", "s.first:[s.count = 2]": "assign"}

# What fails fails alone; the rest of the line is there.
ALONE = {"s.count / s.zero": "division by zero", "s.big + 1": "overflow", "s.values[s.count / s.zero]": "division by zero",
         "s.values[99]": "index out of range", "1 << s.big": "shift"}
ABSEIL = {
    "s.none": "{}", "s.one": '{["key"] = 1}', "s.keys": "{7}", "s.inside": "{1, 2}", "s.empty": "{}", "s.some": "3",
    "s.outside": '{"a", "b", "and a long one that is on the heap"}', "s.nothing": "nullopt", "s.view": "a view", "s.span": "{1, 2}",
    "s.when": "2023-11-14T22:13:20.123000000Z", "s.back": "-1.5s", "s.many.size()": "20",
    "s.many[7]": "v7", "s.many[20]": "<error: no such key>",
    "s.no_tree": "{}", "s.leaf": '{[1] = "one", [2] = "two"}', "s.named": '{["a"] = 1, ["b"] = 2}', "s.shorts": "{1, 2, 3}",
    "s.twice": "{[1] = 'a', [1] = 'b', [2] = 'c'}", "s.wide": "{{number = 5}, {number = 7}}",
    "s.texts": '{"and one that does not fit into the object itself", "x", "x"}', "s.leaf[2]": "two", 's.named["b"]': "2",
    "s.leaf[3]": "<error: no such key>", "s.hundreds.size()": "300", "s.no_tree.empty()": "true",
    "s.thinned": "{" + ", ".join(str(i) for i in range(0, 2000, 50)) + "}", 's.one["key"]': "1", 's.one["kez"]': "<error: no such key>",
}


def _values(env, target, source, mark, expressions, *options):
    line = harness.source_line(f"test/e2e/programs/{source}", mark)
    template = "\x1f".join("{" + expression + "}" for expression in expressions)
    event, = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"{source}:{line}", template, "--rate", "0", "--hits", 1, *options).json_lines()
    return dict(zip(expressions, event["message"].split("\x1f"))), event


def _compare(env, target, source, expected, mark="// the logpoint"):
    shown, _ = _values(env, target, source, mark, list(expected))
    wrong = [f"{expression}: shows {shown[expression]!r}, is {text!r}" for expression, text in expected.items() if shown[expression] != text]
    check(not wrong, "\n    ".join(wrong))


for _compiler in ("g++", "clang++"):
    for _level in ("-O0", "-O2"):
        @scenario(f"formats/{_compiler} {_level}", needs=("bpf", _compiler))
        def _formats(env, compiler=_compiler, level=_level):
            program = fixtures.compile_program(f"formats-{compiler}{level}", ["formats.cc", "keep.cc"], "-std=c++20", level, "-g",
                                               compiler=compiler)
            with env.running([program]) as target:
                expected = dict(FORMATS)
                _compare(env, target, "formats.cc", expected)
                _compare(env, target, "formats.cc", COUNTED)
                _, event = _values(env, target, "formats.cc", "// the logpoint", list(COUNTED))
                numbers = event["values"][0]
                check_equal((numbers["status"], numbers["size"], [item["value"] for item in numbers["items"]]), ("ok", 3, [10, 20, 30]), "as JSON")
                check_equal(event["values"][list(COUNTED).index("s.first:[s.garbage]")]["status"], "error", "as JSON")
                for expression, reason in COUNTED_REFUSED.items():
                    refused = env.ctl("log", "-p", target.pid, f"formats.cc:{harness.source_line('test/e2e/programs/formats.cc', '// the logpoint')}",
                                      "{" + expression + "}", "--hits", 1)
                    check(refused.returncode == 1 and reason in refused.stderr, f"{expression}: {refused.returncode} {refused.stderr}")
                shown, _ = _values(env, target, "formats.cc", "// the logpoint", [*ALONE, "s.count"])
                check_equal(shown["s.count"], "3", "the value behind those that fail")
                for expression, reason in ALONE.items():
                    check(re.fullmatch(f"<error: .*{reason}.*>", shown[expression]), f"{expression}: {shown[expression]!r}")


ARRAYS = {"squares": "{0, 1, 4, 9}", "pairs": "{{first = 0, second = 0}, {first = 1, second = 10}, {first = 2, second = 20}}",
          "grid": "{{0, 0}, {1, -1}, {2, -2}, {3, -3}}", "word": "abcd", "squares[3]": "9", "grid[2][1]": "-2",
          "squares[4]": "<error: index out of range>"}
MEMBERS = {"data": "&Base::id", "virtually": "&virtual Base::Size", "none": "nullptr"}

# gcc's optimiser drops the bounds, clang's the arrays' places.
for _compiler in ("g++", "clang++"):
    @scenario(f"arrays with computed bounds/{_compiler} -O0", needs=("bpf", _compiler))
    def _arrays(env, compiler=_compiler):
        program = fixtures.compile_program(f"arrays-{compiler}", ["arrays.cc", "keep.cc"], "-O0", "-g", compiler=compiler)
        with env.running([program]) as target:
            _compare(env, target, "arrays.cc", ARRAYS)


for _compiler in ("g++", "clang++"):
    for _level in ("-O0", "-O2"):
        @scenario(f"pointers to members/{_compiler} {_level}", needs=("bpf", _compiler))
        def _members(env, compiler=_compiler, level=_level):
            program = fixtures.compile_program(f"members-{compiler}{level}", ["members.cc", "keep.cc"], level, "-g", compiler=compiler)
            with env.running([program]) as target:
                mark = "// the entry" if level == "-O2" else "// the logpoint"
                shown, _ = _values(env, target, "members.cc", mark, [*MEMBERS, "plain", "adjusted"])
                available = {name: text for name, text in shown.items() if text != "<optimized out>"}
                check(level == "-O2" or len(available) == len(shown), f"all are in memory without optimisation: {shown}")
                for name, text in available.items():
                    if name in MEMBERS:
                        check_equal(text, MEMBERS[name], name)
                if "plain" in available:
                    check(re.fullmatch(r"0x[0-9a-f]+ <Derived::Plain>", shown["plain"]), shown["plain"])
                if "adjusted" in available:
                    check(re.fullmatch(r"\{function = 0x[0-9a-f]+ <Other::Weight>, this_adjustment = 12\}", shown["adjusted"]), shown["adjusted"])


LABEL = ('geo::Label({<geo::Named> = {_vptr.Named = @, name = "named"}, <geo::Square> = {<geo::Shape> = {_vptr.Shape = @, id = 8}, '
         'side = 3}, text = "label"})')
DYNAMIC = {"*square": "geo::Square({<geo::Shape> = {_vptr.Shape = @, id = 7}, side = 3})", "label": LABEL, "*named": LABEL, "*plain": "{x = 1}",
           "square->id": "7", "label.id": "8"}

for _compiler in ("g++", "clang++"):
    for _level in ("-O0", "-O2"):
        @scenario(f"objects behind pointers to their bases/{_compiler} {_level}", needs=("bpf", _compiler))
        def _dynamic(env, compiler=_compiler, level=_level):
            program = fixtures.compile_program(f"dynamic-{compiler}{level}", ["dynamic.cc", "keep.cc"], level, "-g", compiler=compiler)
            with env.running([program]) as target:
                shown, _ = _values(env, target, "dynamic.cc", "// the logpoint", list(DYNAMIC), "--if", "plain->x == 1")
                same, _ = _values(env, target, "dynamic.cc", "// the logpoint", ["*named"], "--if", "plain->x == 2")
                check("geo::" not in same["*named"] and "itself" in same["*named"], f"an object of the class itself: {same}")
                for name, text in DYNAMIC.items():
                    plain = re.sub(r"0x[0-9a-f]+( <[^>]*>)?", "@", shown[name]).replace("_vptr$", "_vptr.")
                    check_equal(plain, text, name)


@scenario("formats/views in registers", needs=("bpf", "g++"))
def _views(env):
    program = fixtures.compile_program("formats-g++-O2", ["formats.cc", "keep.cc"], "-std=c++20", "-O2", "-g", compiler="g++")
    with env.running([program]) as target:
        _compare(env, target, "formats.cc", {"text": "seen in registers", "window": "{10, 20, 30}", "text.size()": "17",
                                             "window[1]": "20", "text == \"seen in registers\"": "true"}, "// the views")
        _, event = _values(env, target, "formats.cc", "// the views", ["window"], "--if", 'text == "seen in registers" && window.size() == 3')
        check_equal(event["values"][0]["text"], "{10, 20, 30}", "with a condition on both")


@scenario("abseil/containers and times", needs=("bpf", "g++", "pkg-config"))
def _abseil(env):
    names = ["absl_flat_hash_map", "absl_flat_hash_set", "absl_btree", "absl_time"]
    found = subprocess.run(["pkg-config", "--cflags", "--libs", *names], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise Skip("no Abseil for pkg-config")
    program = fixtures.compile_program("abseil", ["abseil.cc", "keep.cc"], "-std=c++20", "-O1", "-g", *_linked_last(found.stdout.split()))
    with env.running([program]) as target:
        _compare(env, target, "abseil.cc", ABSEIL)
        _, event = _values(env, target, "abseil.cc", "// the logpoint", ["s.many"])
        pairs = {field[0]["value"]: field[1]["value"] for field in (item["fields"] for item in event["values"][0]["items"])}
        check_equal(pairs, {i: f"v{i}" for i in range(20)}, "s.many")
        for expression, shown, all_items in (("s.hundreds", [str(i) for i in range(300)], (1, 5, 100, 300)),
                                             ("s.thousands", [f"[{i}] = {{{i}}}" for i in range(2000)], (1, 5, 30))):
            for items in all_items:
                text, event = _values(env, target, "abseil.cc", "// the logpoint", [expression], "--items", items, "--bytes", "32KiB")
                check_equal(event["values"][0]["size"], len(shown), expression)
                if event["values"][0]["status"] == "ok":
                    check_equal(text[expression], "{" + ", ".join(shown) + "}", expression)
                else:
                    kept = len(event["values"][0]["items"])
                    check(kept >= min(items, 60), f"{expression} with {items} items: {text}")
                    check(text[expression].startswith("{" + ", ".join(shown[:kept]) + ", ...}"), f"{expression} with {items} items: {text}")


def _linked_last(flags):
    """Sources come after these flags on the command line, so libraries must not be dropped as unused."""
    return ["-Wl,--no-as-needed", *flags, "-Wl,--as-needed"]
