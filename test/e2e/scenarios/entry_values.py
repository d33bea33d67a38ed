# SPDX-License-Identifier: Apache-2.0
"""Parameters that only the caller can tell, against what the program was written to pass."""
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

SOURCE = harness.REPOSITORY / "test" / "programs" / "small" / "callers.c"
HITS = 60


def _rows(env, target, mark, template, *options):
    line = harness.source_line("test/programs/small/callers.c", f"MARK: {mark}")
    events = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"callers.c:{line}", template, "--rate", "0", "--hits", HITS,
                        *options).json_lines()
    check_equal(len(events), HITS, f"events of {mark}")
    return [[value["text"] if value["status"] == "ok" else None for value in event["values"]] for event in events]


def _check(env, compiler, flags):
    program = fixtures.compile_program("callers-" + "".join(flags) + compiler, [SOURCE], "-w", *flags, compiler=compiler)
    with env.running([program, "forever"], stderr=-3) as target:
        seen = set()
        for a, b in _rows(env, target, "leaf", "{a} {b}"):
            seen.add(b)
            # 3000 and 5 come through a pointer: no call that the return address could prove.
            ranges = {"1": range(0, 10), "2": range(1000, 1010), "3": range(2000, 2010), None: ()}
            check(b in ranges, f"b is {b}")
            check(a is None or int(a) in ranges[b], f"a is {a} where b is {b}")
        check_equal(seen, {"1", "2", "3", None}, "values of b")
        rows = _rows(env, target, "by_address", "{pair->x} {times}")
        check(all(x is None or int(x) in range(100, 110) for x, _ in rows), f"pair->x: {rows}")
        check(any(x is not None for x, _ in rows), "pair->x is never known")
        check(all(times in ("4", None) for _, times in rows), f"times: {rows}")
        rows = _rows(env, target, "tail_entered", "{a} {b}")
        check_equal({b for _, b in rows}, {"6", None}, "b behind a tail call")
        check(all(a is None or int(a) in range(4000, 4010) for a, _ in rows), f"a behind a tail call: {rows}")
        if compiler == "gcc":  # clang describes no arguments in vector registers
            rows = _rows(env, target, "scale", "{factor} {by}")
            check_equal({tuple(row) for row in rows}, {("2.5", "1.5"), ("-3.25", "8")}, "what was in vector registers")
        rows = _rows(env, target, "leaf", "{b}", "--if", "b == 2")
        check_equal({b for (b,) in rows}, {"2"}, "b where the kernel says that it is 2")


for _compiler in ("gcc", "clang"):
    for _dwarf in ("-gdwarf-5", "-gdwarf-4"):
        if _compiler == "clang" and _dwarf == "-gdwarf-4":
            continue  # describes calls from DWARF 5 on
        scenario(f"entry/{_compiler} -O2 {_dwarf}", needs=("bpf", _compiler))(
            lambda env, c=_compiler, d=_dwarf: _check(env, c, ("-O2", d)))


def _relayed(env, compiler):
    """Values come in pairs: what the caller tells, and the truth; where no caller is proven there is none."""
    library = fixtures.compile_program(f"librelay-{compiler}.so", ["relay_library.c"], "-w", "-O2", "-g", "-fPIC", "-shared",
                                       compiler=compiler)
    program = fixtures.compile_program(f"relay-{compiler}", ["relay.c", library], "-w", "-O2", "-g", "-ldl", compiler=compiler)
    known = {}
    with env.running([program], stderr=-3) as target:
        for mark in ("leaf", "replaced", "pointed"):
            line = harness.source_line("test/e2e/programs/relay_library.c", f"// {mark}")
            events = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"relay_library.c:{line}", "{a} {true_a} {b} {true_b}", "--rate", 0,
                                "--hits", HITS, "--budget", "400%").json_lines()
            check_equal(len(events), HITS, f"events of {mark}")
            known[mark] = 0
            for values in (event["values"] for event in events):
                for value, truth in zip(values[::2], values[1::2]):
                    if value["status"] == "ok":
                        check_equal(value["text"], truth["text"], f"{mark}: {values}")
                        known[mark] += 1
    check(known["leaf"] > 0, f"calls through the procedure linkage table: {known}")
    check_equal(known["replaced"], 0, "calls of a function of the same name")
    return known


@scenario("entry/gcc, through the procedure linkage table and pointers", needs=("bpf", "gcc"))
def _relayed_gcc(env):
    _relayed(env, "gcc")


@scenario("entry/clang, through the procedure linkage table and pointers", needs=("bpf", "clang"))
def _relayed_clang(env):
    known = _relayed(env, "clang")
    check(0 < known["pointed"] < 2 * HITS, f"calls through a pointer whose target clang describes: {known}")
