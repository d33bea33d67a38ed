# SPDX-License-Identifier: Apache-2.0
"""return:NAME sees each return of a function with the value that it returns, and harms nothing that passes through."""
import json

import fixtures
import harness
from harness import check, check_equal
from registry import scenario

HITS = 24  # three times all values of x, 0 to 7
FORMS = {
    "gcc O0": ("g++", ("-O0", "-g")),
    "gcc O2": ("g++", ("-O2", "-g")),
    "gcc O2 DWARF 4": ("g++", ("-O2", "-gdwarf-4")),
    "clang O0": ("clang++", ("-O0", "-g", "-fstandalone-debug")),
    "clang O2": ("clang++", ("-O2", "-g", "-fstandalone-debug")),
}


def _fixed(number):
    return f"{number:g}"


# Function -> text of its value for x.
VALUES = {
    "Bool": lambda x: "true" if x > 2 else "false",
    "Char": lambda x: f"'{chr(97 + x)}'",
    "Int": None,  # called by others, too
    "Wide": lambda x: str(0xfedcba9876543210 + x),
    "Enum": lambda x: ("RED", "GREEN", "BLUE")[x % 3],
    "Reference": lambda x: "4711",
    "Float": lambda x: _fixed(x * 0.5),
    "Double": lambda x: _fixed(x * 1.25),
    "MakeSmall": lambda x: f"{{a = {x}, b = {2 * x}}}",
    "MakeIntDouble": lambda x: f"{{n = {x}, d = {_fixed(x * 0.25)}}}",
    "MakeDoubleInt": lambda x: f"{{d = {_fixed(x * 0.75)}, n = {x}}}",
    "MakeFloats": lambda x: f"{{x = {_fixed(x * 0.5)}, y = {_fixed(x * 1.5)}, z = {x}}}",
    "MakeDoubles": lambda x: f"{{x = {_fixed(x * 0.5)}, y = {_fixed(x * 2.5)}}}",
    "MakeBits": lambda x: f"{{low = {x}, high = {-x}, flag = true}}",
    "MakePacked": lambda x: f"{{c = 'p', n = {x}}}",
    "MakeBig": lambda x: f"{{v = {{{x}, {x + 1}, {x + 2}, {x + 3}}}}}",
    "MakeEmpty": lambda x: "{}",
    "MakeCounted": lambda x: f"{{n = {x}}}",
    "MakeDefaulted": lambda x: f"{{n = {x}}}",
    "MakeDerived": lambda x: f"{{<Base> = {{base = {x}}}, f = {2 * x}}}",
    "String": lambda x: f"string number {x}",
    "Unique": lambda x: str(x),
    "Switches": lambda x: str((10, 11, 22, 33, 44, 55, 66, -1)[x]),
}
# What the compiler may leave open; then no value is shown, and why is said.
MAY_BE_UNKNOWN = {"MakeCounted", "MakeDefaulted", "Unique"}


def _program(form):
    compiler, flags = FORMS[form]
    return fixtures.compile_program(f"returns-{form.replace(' ', '-')}", ["returns.cc"], "-std=c++17", "-w", *flags, compiler=compiler)


def _log(env, target, function, text="{$ret}", hits=HITS, *more):
    return env.ctl("-o", "json", "log", "-p", target.pid, f"return:{function}", text, "--hits", hits, "--rate", 0, "--budget", "400%", *more)


def _messages(done):
    check_equal(done.returncode, 0, done.stderr)
    return [json.loads(line)["message"] for line in done.stdout.splitlines()]


def _values(env, form):
    wrong = []
    with env.running([_program(form)]) as target:
        for function, expected in VALUES.items():
            if expected is None:
                continue
            done = _log(env, target, function)
            if function in MAY_BE_UNKNOWN and done.returncode == 1 and "does not tell to be trivial" in done.stderr:
                continue
            if done.returncode != 0:
                wrong.append(f"{function}: {done.stderr}")
                continue
            messages = _messages(done)
            if any("<error: incomplete type>" in message for message in messages):  # clang left the type out
                continue
            cycle = [expected(x) for x in range(8)]
            first = messages[0]
            starts = [i for i in range(8) if cycle[i] == first]
            if not any(messages == [cycle[(start + i) % 8] for i in range(len(messages))] for start in starts):
                wrong.append(f"{function}: {messages}, expected a turn of {cycle}")
    check(not wrong, "\n    ".join(wrong))


for _form, (_compiler, _flags) in FORMS.items():
    scenario(f"returns/values {_form}", needs=(_compiler,))(lambda env, f=_form: _values(env, f))


@scenario("returns/exceptions pass through a function whose returns are logged", needs=("g++",))
def _exceptions(env):
    with env.running([_program("gcc O2")]) as target:
        check_equal(sorted(set(_messages(_log(env, target, "Through")))), ["51", "53", "55", "57"], "values of even x only")
        check_equal(sorted(set(_messages(_log(env, target, "Throws")))), ["50", "52", "54", "56"], "values of even x only")
        # The program still runs, and still throws.
        check_equal(len(_messages(_log(env, target, "Bool", "here", 3))), 3, "calls of Bool")


@scenario("returns/every way out of a function is seen, each call of a recursion too", needs=("g++",))
def _ways_out(env):
    for form in ("gcc O0", "gcc O2"):
        with env.running([_program(form)]) as target:
            check_equal(set(_messages(_log(env, target, "Several"))), {"93", "222", "999", "555"}, form)
    with env.running([_program("gcc O0")]) as target:
        sums = {str(n * (n + 1) // 2) for n in range(8)}
        check_equal(set(_messages(_log(env, target, "Recursive", "{$ret}", 120))), sums, "of 0 to 7")
        check_equal(set(_messages(_log(env, target, "Recursive", "{$ret}", 9, "--if", "$ret > 20"))), {"21", "28"}, "--if")


@scenario("returns/what is not proven has a reason and no value", needs=("g++", "clang++"), daemon=False)
def _reasons(env):
    optimised = _program("gcc O2")

    def refused(program, function, text="{$ret}"):
        done = env.ctl("resolve", "--binary", program, f"return:{function}", text, server=False)
        check_equal(done.returncode, 1, done.stdout)
        return done.stderr

    for function, reason in {
            "LongDouble": "x87 register st(0)",
            "Nothing": "Nothing(int) returns nothing",
            "TailCalls": "Int(int) returns in its place",
            "TailCallsPointer": "another function returns in its place",
            "Unused": "may have dropped its value",
            "NoSuch": "no function 'NoSuch'",
            "main": "has no instruction that returns",
    }.items():
        check(reason in refused(optimised, function), f"{function}: {refused(optimised, function)}")
    check("may have dropped its value" in refused(_program("clang O2"), "Unused"), "clang")
    # The frame is gone, whatever the debug information of code that was not optimised says.
    for form in ("gcc O0", "clang O0"):
        check("the function has returned" in refused(_program(form), "Int", "{x}"), form)
    done = env.ctl("resolve", "--binary", optimised, "function:Int", "{$ret}", server=False)
    check("only known where a function returns" in done.stderr, done.stderr)
    listed = env.ctl_json("vars", "--binary", optimised, "return:Double", server=False)
    check_equal([(v["expr"], v["status"]) for v in listed["sites"][0]["variables"]][0], ("$ret", "ok"), "vars")
    shown = env.ctl_json("explain", "--binary", optimised, "return:Several", "{$ret}", server=False)
    check_equal({site["function"] for site in shown["sites"]}, {"Several(int)"}, "sites")
    check(len(shown["sites"]) >= 2, shown)
