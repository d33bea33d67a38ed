# SPDX-License-Identifier: Apache-2.0
"""Rarer types of the standard library, of Boost, Abseil, Protobuf, Qt and the system, with constant contents: what is shown is what a person would want to read."""
import pathlib
import re
import subprocess

import fixtures
import harness
from harness import Skip, check
from registry import scenario

ADDRESS = re.compile(r"0x[0-9a-f]+")
FUNCTION = re.compile(r"0x[0-9a-f]+ <.*_Function_handler<int \(int\), int \(\*\)\(int\)>::_M_invoke>")
# Texts, or patterns for what is different each time. The keys are what no program would spell otherwise.
STANDARD = {
    "s.numbers": "{10, 20, 30}", "s.second": ADDRESS, "*s.second": "20", "s.in_queue": ADDRESS, "*s.in_queue": "1",
    "s.in_lines": ADDRESS, "s.in_orders": ADDRESS, "s.in_ids": ADDRESS, "s.in_keys": ADDRESS,
    "s.reference": '{id = 3, name = "leaf"}', "s.listed": "{4, 5, 6}", "s.listed.size()": "3", "s.listed[1]": "5",
    "s.bits": "000011110101", "s.bits.size()": "12", "s.wide": "0" * 67 + "101",
    "s.free_lock": "{locked = false, owner = 0}", "s.held_lock": re.compile(r"\{locked = true, owner = [1-9]\d*\}"),
    "s.nobody": "0", "s.path": "/tmp/a file", "s.nothing": "nullptr", "s.no_exception": "nullptr",
    "s.exception": 'exception(std::runtime_error)', "s.z": "{real = 1.5, imag = -2}", "s.empty_any": "nullptr",
    "s.nanoseconds": "-5ns", "s.seconds": "1.5s", "s.minutes": "90min", "s.since_boot": "12000000000ns",
    "s.whole": "2023-11-14T22:13:20Z", "s.when": re.compile(r"2023-11-14T22:13:20\.123000(000)?Z"),
    # Keys of maps.
    "s.orders[42].name": "forty-two", "s.orders[7].id": "70", "s.orders[42]": '{id = 420, name = "forty-two"}',
    "s.orders[s.leaf.id + 4].name": "seven", "s.orders[42].id + 1": "421", "s.orders[42].name == \"forty-two\"": "true",
    "s.orders[1].name": "<error: no such key>", 's.stock["apple"]': "3", 's.stock["pear"]': "0", 's.stock["plum"]': "<error: no such key>",
    's.stock["apple"] > s.stock["pear"]': "true", "s.by_id[9]": "nine", "s.by_id[1]": "<error: no such key>",
    's.by_name["k"].name': "one", 's.by_name["k"].id': "1", 's.by_name[""].id': "<error: no such key>", "s.orders.size()": "2",
    "s.tables[1][2]": "20", "s.tables[0][2]": "<error: no such key>", "s.tables[2][2]": "<error: index out of range>",
    's.nested[1]["a"]': "5", 's.nested[2]["a"]': "<error: no such key>", 's.nested[3]["a"]': "<error: no such key>",
    "s.bits[0]": "true", "s.bits[1]": "false", "s.bits[12]": "<error: index out of range>",
    's.text > "a tex"': "true", 's.text <= "a tez"': "true",
}
# libc++ computes where a string is from its flag: too much for an order, which looks at it at each position.
GNU = {'s.leaf.name < "lf"': "true", 's.leaf.name >= "leaf"': "true", '"leaf" < s.leaf.name': "false", "s.twice": FUNCTION, "s.any": "int(7)",
       "*s.in_ids": '{first = 9, second = "nine"}', "s.in_ids->second": "nine",
       "s.recursive": re.compile(r"\{locked = true, owner = [1-9]\d*, count = 2\}")}
LIBCXX = {"s.twice": ADDRESS, "s.any": "int(7)"}
EXPECTED_TYPES = {"s.good": "5", "s.bad": 'unexpected("broken")'}
# libc++: only with the debug information of all classes; else the classes of streams are only described in the library's own.
STREAMS = {"s.out": "written 7", "s.in": "to be read", "s.both": "more text than fits the string itself"}

BOOST = {
    "s.some": "a value", "s.none": "nullopt", "s.number": "7", "s.first": "5", "s.second": "text", "s.inside": "{1, 2, 3}",
    "s.outside": '{"a", "b", "and one that is long enough for the heap"}', "s.empty": "{}", "s.fixed": "{4, 5}", "s.plain": "{6, 7}",
    "s.set": "{1, 2, 3}", "s.intrusive": '{uses = 1, name = "counted"}', "s.nothing": "nullptr",
    "s.shared": '{uses = 9, name = "shared"}', "s.scoped": '{uses = 8, name = "scoped"}', "s.inside.size()": "3", "s.inside[2]": "3",
    "s.outside[1]": "b", "s.intrusive->name": "counted", "s.map.size()": "2", "s.shared->uses + 1": "10",
    "s.map": '{{first = 1, second = "one"}, {first = 2, second = "two"}}',
}
QT = {
    "s.text": "caf\u00e9 \U0001f600", "s.empty": "", "s.bytes": "some bytes", "s.vector": "{7, 8}", "s.vector.size()": "2",
    "s.vector[1]": "8", "s.bytes.size()": "10", 's.bytes == "some bytes"': "true",
}

_MAIN = '{label = "", id = 7}'
MESSAGES = {
    "s.full": '{counts = {1, 2, 3}, tags = {"t1", "t2", "t3"}, items = {{label = "an item", id = 1}, {label = "an item", id = 2}}, '
              f'customer_name = "Ada", main = {_MAIN}, missing = nullptr, id = 42, price = 1.5, color = 1, maybe = 0, paid = true, '
              'choice = some_text("chosen"), other = z({label = "", id = 9})}',
    "s.empty": '{counts = {}, tags = {}, items = {}, customer_name = "", main = nullptr, missing = nullptr, id = 0, price = 0, '
               'color = 0, maybe = 0, paid = false, choice = valueless, other = valueless}',
}
MESSAGES["*s.in_arena"] = MESSAGES["s.full"].replace('other = z({label = "", id = 9})', "other = x1_y(3)")
_V4 = "{address = 192.0.2.7, port = 8080}"
_V6 = "{address = 2001:db8::1, port = 443, scope = 0}"
_LOCAL = '{path = "/run/a.sock"}'
SYSTEM = {
    "s.v4": _V4, "s.v6": _V6, "s.local": _LOCAL, "s.storage": _V6, "s.none": "family(16)", "*s.by_pointer": _V4, "*s.six": _V6, "*s.path": _LOCAL,
    "s.v4.sin_addr": "192.0.2.7", "s.when": "1.5s", "s.ago": "2.25s",
}
SERVER = {
    "c->state": "READING", "c->flags": "(KEEP | PROXIED)", "c->in": _V4, "*c->peer": _V4, "c->since": "7.5s", "c->since.tv_sec": "7",
    "c->bits": "{version = 4, length = 15, delta = -3, big = 78187493530, state = CLOSED}", "c->bits.delta * 2": "-6",
    "c->bits.big >> 4": "4886718345", "c->payload": "{word = 1069547520, real = 1.5, half = {low = 0, high = 16320}}",
    "c->table": re.compile(r"\{nullptr, 0x[0-9a-f]+ <on_get>\}"), "c->buffer": "GET /", "c->error:errno": "ENOENT",
}
QT_LISTS = {
    "s.numbers": "{1, 2, 3}", "s.strings": '{"one", "two"}', "s.list": '{"three"}', "s.none": "{}", "s.numbers[2]": "3", "s.numbers.size()": "3",
    "s.large": "{{a = 1, b = 2, c = 3}, {a = 4, b = 5, c = 6}}", "s.large[1].b": "5", "s.numbers[3]": "<error: index out of range>",
}
ABSEIL = {
    "s.nodes": '{["key"] = 1}', "s.more": '{[7] = "seven"}', "s.no_nodes": "{}", "s.keys": "{7}", 's.nodes["key"]': "1", "s.more[7]": "seven",
    "s.more[8]": "<error: no such key>", "s.nodes.size()": "1", "s.none": "", "s.small": "short", "s.tree": re.compile(r'\{"a+"\.\.\., "b+"\.\.\.\}<truncated .*>'),
    "s.flat": "a text that does not fit the object itself", "s.part": "text that does not fit the object itse",
    "s.fine": re.compile(r"(absl::.*)?kOk"), "s.cancelled": re.compile(r"(absl::.*)?kCancelled"), "s.number": "5", "s.text": "a text",
    "s.failed": re.compile(r'\{code = (absl::.*)?kNotFound, message = "no such file"\}'),
    "s.broken": re.compile(r'\{code = (absl::.*)?kInternal, message = "broken"\}'),
}


def _check(env, program, source, expected):
    line = harness.source_line(f"test/e2e/programs/{source}", "// the logpoint")
    with env.running([program]) as target:
        shown = {}
        expressions = list(expected)
        for start in range(0, len(expressions), 16):
            part = expressions[start:start + 16]
            template = "\x1f".join("{" + expression + "}" for expression in part)
            event, = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"{source}:{line}", template, "--rate", "0", "--budget", "400%",
                                "--bytes", "32KiB", "--hits", 1).json_lines()
            shown.update(zip(part, event["message"].split("\x1f")))
    wrong = [f"{expression}: shows {shown[expression]!r}, is {text!r}" for expression, text in expected.items()
             if not (text.fullmatch(shown[expression]) if isinstance(text, re.Pattern) else shown[expression] == text)]
    check(not wrong, "\n    ".join(wrong))


def _standard(env, compiler, flags, expected, name):
    program = fixtures.compile_program(f"library-{name}", ["library.cc", "keep.cc"], "-g", "-pthread", *flags, compiler=compiler)
    _check(env, program, "library.cc", STANDARD | expected)


def _flags_of(*packages):
    """What pkg-config says of them, with libraries that are linked though the sources come after them."""
    found = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise Skip(f"no {packages[0]} for pkg-config")
    return ["-Wl,--no-as-needed", *found.stdout.split(), "-Wl,--as-needed"]


for _level in ("-O0", "-O2"):
    scenario(f"library/gcc {_level}", needs=("bpf", "g++"))(
        lambda env, level=_level: _standard(env, "g++", ("-std=c++23", level), GNU | STREAMS | EXPECTED_TYPES, "gcc" + level))
    # libstdc++ 12 has no std::expected for clang.
    scenario(f"library/clang {_level}", needs=("bpf", "clang++"))(
        lambda env, level=_level: _standard(env, "clang++", ("-std=c++20", level), GNU | STREAMS, "clang" + level))

    @scenario(f"library/libc++ {_level}", needs=("bpf", "clang++-19"))
    def _libcxx(env, level=_level):
        if not list(pathlib.Path("/usr/lib/llvm-19").glob("include/c++/v1/vector")):
            raise Skip("libc++-19-dev is not installed")
        _standard(env, "clang++-19", ("-std=c++23", level, "-stdlib=libc++"), LIBCXX | EXPECTED_TYPES, "libc++" + level)

    for _compiler in ("g++", "clang++"):
        @scenario(f"boost/{_compiler} {_level}", needs=("bpf", _compiler))
        def _boost(env, compiler=_compiler, level=_level):
            if not pathlib.Path("/usr/include/boost/version.hpp").exists():
                raise Skip("libboost-dev is not installed")
            program = fixtures.compile_program(f"boost-{compiler}{level}", ["boost.cc", "keep.cc"], "-std=c++20", level, "-g",
                                               compiler=compiler)
            _check(env, program, "boost.cc", BOOST)

        @scenario(f"qt/{_compiler} {_level}", needs=("bpf", _compiler, "pkg-config"))
        def _qt(env, compiler=_compiler, level=_level):
            flags = _flags_of("Qt5Core")
            # clang leaves the headers of the data to the library's own debug information otherwise.
            whole = ("-fstandalone-debug",) if compiler == "clang++" else ()
            program = fixtures.compile_program(f"qt-{compiler}{level}", ["qt.cc", "keep.cc"], "-std=c++20", level, "-g", "-fPIC", *whole,
                                               *flags, compiler=compiler)
            _check(env, program, "qt.cc", QT | QT_LISTS)

        @scenario(f"abseil/{_compiler} {_level}, nodes, results and cords", needs=("bpf", _compiler, "pkg-config"))
        def _abseil(env, compiler=_compiler, level=_level):
            flags = _flags_of("absl_node_hash_map", "absl_node_hash_set", "absl_statusor", "absl_status", "absl_cord")
            # clang leaves what no code of the program needs to the library's own debug information otherwise.
            whole = ("-fstandalone-debug",) if compiler == "clang++" else ()
            program = fixtures.compile_program(f"abseil-results-{compiler}{level}", ["abseil_results.cc", "keep.cc"], "-std=c++20", level, "-g",
                                               *whole, *flags, compiler=compiler)
            _check(env, program, "abseil_results.cc", ABSEIL)

        @scenario(f"system/{_compiler} {_level}", needs=("bpf", _compiler))
        def _system(env, compiler=_compiler, level=_level):
            program = fixtures.compile_program(f"system-{compiler}{level}", ["system.cc", "keep.cc"], "-std=c++20", level, "-g", compiler=compiler)
            _check(env, program, "system.cc", SYSTEM)

        @scenario(f"protobuf/{_compiler} {_level}", needs=("bpf", _compiler, "pkg-config", "protoc"))
        def _messages(env, compiler=_compiler, level=_level):
            flags = _flags_of("protobuf")
            whole = ("-fstandalone-debug",) if compiler == "clang++" else ()
            generated = fixtures.CACHE / "order"
            generated.mkdir(parents=True, exist_ok=True)
            if not (generated / "order.pb.cc").exists():
                subprocess.run(["protoc", f"--cpp_out={generated}", f"-I{fixtures.PROGRAMS}", "order.proto"], check=True)
            program = fixtures.compile_program(f"messages-{compiler}{level}", ["messages.cc", generated / "order.pb.cc", "keep.cc"], "-std=c++20",
                                               level, "-g", *whole, f"-I{generated}", *flags, compiler=compiler)
            _check(env, program, "messages.cc", MESSAGES)


@scenario("library/streams, gcc with all classes", needs=("bpf", "g++"))
def _streams(env):
    program = fixtures.compile_program("library-gcc-all", ["library.cc", "keep.cc"], "-std=c++23", "-O0", "-g", "-pthread",
                                       "-femit-class-debug-always")
    _check(env, program, "library.cc", STREAMS)


@scenario("library/streams, libc++ with all classes", needs=("bpf", "clang++-19"))
def _libcxx_streams(env):
    if not list(pathlib.Path("/usr/lib/llvm-19").glob("include/c++/v1/vector")):
        raise Skip("libc++-19-dev is not installed")
    program = fixtures.compile_program("library-libc++-all", ["library.cc", "keep.cc"], "-std=c++23", "-O0", "-g", "-pthread",
                                       "-stdlib=libc++", "-fstandalone-debug", compiler="clang++-19")
    _check(env, program, "library.cc", STREAMS)


@scenario("library/texts are ordered in the kernel, keys are not looked up there", needs=("bpf", "g++"))
def _conditions(env):
    program = fixtures.compile_program("library-gcc-O0", ["library.cc", "keep.cc"], "-g", "-pthread", "-std=c++23", "-O0")
    location = f"library.cc:{harness.source_line('test/e2e/programs/library.cc', '// the logpoint')}"
    with env.running([program]) as target:
        options = ["--rate", "0", "--budget", "400%", "--hits", 1]
        event, = env.ctl_ok("-o", "json", "log", "-p", target.pid, location, "{s.leaf.id}", *options, "--if",
                            's.leaf.name > "lea" && s.text < "b" && s.path >= "/tmp/a f"').json_lines()
        check(event["message"] == "3", event["message"])
        refused = env.ctl("log", "-p", target.pid, location, "{s.leaf.id}", *options, "--if", "s.orders[42].id == 420")
        check(refused.returncode == 1 and "cannot be evaluated in the kernel" in refused.stderr, refused.stderr)


for _level in ("-O0", "-O2"):
    for _compiler in ("gcc", "clang"):
        @scenario(f"library/a server in C, {_compiler} {_level}", needs=("bpf", _compiler))
        def _server(env, compiler=_compiler, level=_level):
            program = fixtures.compile_program(f"server-{compiler}{level}", ["server.c"], "-g", level, compiler=compiler)
            _check(env, program, "server.c", SERVER)
