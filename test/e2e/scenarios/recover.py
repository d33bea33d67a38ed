# SPDX-License-Identifier: Apache-2.0
"""--recover: parameters that are gone at the line, kept by a probe at the function's entry, against the program's own copy."""
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

SOURCE = "test/e2e/programs/recover.cc"
HITS = 300


def _program(compiler, *flags):
    name = "recover-" + compiler + "".join(flags)
    return fixtures.compile_program(name, ["recover.cc"], "-std=c++17", "-w", "-O2", *flags, compiler=compiler)


def _line(mark):
    return f"recover.cc:{harness.source_line(SOURCE, '// ' + mark)}"


def _rows(env, pid, mark, template, *options):
    events = env.ctl_ok("-o", "json", "log", "-p", pid, _line(mark), template, "--rate", "0", "--hits", HITS, "--budget", "400%",
                        *options).json_lines()
    check_equal(len(events), HITS, f"events of {mark}")
    return [event["values"] for event in events]


def _check_pairs(rows, what, expected="recovered"):
    """Values come in pairs: what is known, and the truth. How many of the former have the expected status."""
    known = 0
    for row in rows:
        for value, truth in zip(row[::2], row[1::2]):
            check_equal(truth["status"], "ok", truth)
            if value["status"] == "optimized_out":
                continue
            check_equal(value["text"], truth["text"], f"{what}: {row}")
            check(value["status"] in ("ok", "recovered"), f"{what}: {row}")
            check(value["status"] == "ok" or "entry" in value["reason"], value)
            known += value["status"] == expected
    return known


def _check(env, compiler, flags):
    with env.running([_program(compiler, *flags)], stderr=-3) as target:
        for mark in ("plain", "recursive", "left"):
            template = "{id} {true_id} {port} {true_port}"
            check_equal(_check_pairs(_rows(env, target.pid, mark, template), mark), 0, f"{mark} without")
            rows = _rows(env, target.pid, mark, template, "--recover")
            known = _check_pairs(rows, mark)
            # The first calls may have been under way.
            check(known > HITS, f"{mark}: {known} of {2 * HITS} are known")
        rows = _rows(env, target.pid, "recursive", "{id} {true_id}", "--recover", "--if", "id % 5 == 2")
        check_equal({int(row[1]["text"]) % 5 for row in rows}, {2}, "where the kernel says that id % 5 is 2")
        check_equal(_check_pairs(rows, "condition"), HITS, "a condition on what is not known does not hold")


for _compiler in ("gcc", "clang"):
    scenario(f"recover/{_compiler} -O2", needs=("bpf", f"{_compiler.replace('gcc', 'g++').replace('clang', 'clang++')}"))(
        lambda env, c={"gcc": "g++", "clang": "clang++"}[_compiler]: _check(env, c, ("-gdwarf-5",)))


@scenario("recover/parameters that nothing can change need no entry value in the debug information", needs=("bpf", "g++"))
def _unchanging(env):
    with env.running([_program("g++", "-gdwarf-4", "-gstrict-dwarf")], stderr=-3) as target:
        rows = _rows(env, target.pid, "members", "{number} {true_number} {amount} {true_amount} {other.number} {true_other}",
                     "--recover")
        check(_check_pairs(rows, "members") > 2 * HITS, f"too few are known: {rows[:3]}")
        # Another one may have been given a new value meanwhile.
        rows = _rows(env, target.pid, "plain", "{id}", "--recover") if _available(env, target.pid, "plain", "id") else []
        check_equal(rows, [], "a parameter that is not constant")


def _available(env, pid, mark, name):
    explained = env.ctl("-o", "json", "explain", "-p", pid, _line(mark), "{" + name + "}", "--recover").json_lines()[0]
    return explained["sites"][0]["variables"][0]["status"] != "optimized_out"


@scenario("recover/explain shows the entry and how; a function that jumps back to its start is left alone", needs=("g++",))
def _explained(env):
    program = _program("g++", "-gdwarf-5")
    def explain(mark, *options):
        return env.ctl("-o", "json", "explain", "--binary", program, mark, "{id} {port}", *options).json_lines()[0]

    told = explain(_line("plain"), "--recover")
    sites = [site for site in told["sites"] if site.get("role") != "entry"]
    check_equal([v["status"] for v in sites[0]["variables"]], ["recovered", "recovered"], sites)
    check_equal(sites[0]["variables"][0]["location"], "rdi at the function's entry", sites)
    check("entry" in sites[0]["variables"][0]["reason"], sites)
    check_equal(len(told["sites"]) - len(sites), 1, "entries")
    check(not [site for site in explain(_line("plain"))["sites"] if site.get("role") == "entry"], "an entry without --recover")
    returns = explain("return:Plain", "--recover")
    check_equal({v["status"] for v in returns["sites"][0]["variables"]}, {"recovered"}, returns)
    loops = explain("return:Loops", "--recover")
    check_equal({v["status"] for site in loops["sites"] for v in site["variables"]}, {"optimized_out"}, loops)
    text = env.ctl("explain", "--binary", program, _line("plain"), "{id}", "--recover").stdout
    check("recovered" in text and "rdi at the function's entry" in text, text)
