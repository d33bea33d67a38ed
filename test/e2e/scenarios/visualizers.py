# SPDX-License-Identifier: Apache-2.0
"""A user's own visualizers: from a directory, embedded and in a daemon, read again on SIGHUP, wrong ones told by their line."""
import pathlib
import signal
import tempfile

import fixtures
import harness
from harness import check, check_equal
from registry import scenario
from sink_checks import daemon_with

OWN = """
visualizer {
  match: "ring::Buffer<*>"
  sequence { begin: "first" size: "count" }
}
visualizer {
  match: "ring::Name"
  string { data: "text" size: "length" }
}
visualizer {
  match: "ring::Chain<*>"
  list { node: "*head" first: "head" next: "next" value: "payload" }
}
"""
EXPECTED = {
    "s.numbers": "{1, 2, 3}", "s.names": '{"one", "\\"two\\""}', "s.nested": "{{1, 2}, {3}, {}}", "s.none": "{}",
    "s.chain": '{"one", "\\"two\\""}', "s.numbers.size()": "3", "s.numbers[1]": "2", "s.numbers[3]": "<error: index out of range>",
    's.names[0] == "one"': "true", "s.garbage": "<corrupt: size 9e18>",
}
MISFITTING = 'visualizer { match: "ring::Buffer<*>"\n  sequence { begin: "fist" size: "count" } }\n'


def _program(compiler="g++", level="-O0"):
    return fixtures.compile_program(f"own_types-{compiler}{level}", ["own_types.cc", "keep.cc"], "-std=c++20", level, "-g", compiler=compiler)


def _directory(env, text):
    directory = pathlib.Path(tempfile.mkdtemp(dir=env.tmp))
    (directory / "ring.txtpb").write_text(text)
    return directory


def _shown(env, target, expressions, *options, server=True):
    line = harness.source_line("test/e2e/programs/own_types.cc", "// the logpoint")
    template = "\x1f".join("{" + expression + "}" for expression in expressions)
    event, = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"own_types.cc:{line}", template, "--rate", "0", "--budget", "400%",
                        "--hits", 1, *options, server=server).json_lines()
    return dict(zip(expressions, event["message"].split("\x1f")))


for _compiler in ("g++", "clang++"):
    for _level in ("-O0", "-O2"):
        @scenario(f"visualizers/of one's own, {_compiler} {_level}", needs=("bpf", _compiler), daemon=False)
        def _own(env, compiler=_compiler, level=_level):
            directory = _directory(env, OWN)
            with env.running([_program(compiler, level)]) as target:
                check_equal(_shown(env, target, list(EXPECTED), "--visualizers", directory, server=False), EXPECTED, "what is shown")
                plain = _shown(env, target, ["s.numbers"], server=False)["s.numbers"]
                check("count = 3" in plain, f"without the directory: {plain!r}")


@scenario("visualizers/one that does not fit is told by file and line, and the type shown as it is", needs=("g++",), daemon=False)
def _misfit(env):
    directory = _directory(env, MISFITTING)
    file = directory / "ring.txtpb"
    line = harness.source_line("test/e2e/programs/own_types.cc", "// the logpoint")
    arguments = ["--binary", _program(), f"own_types.cc:{line}", "{s.numbers}", "--visualizers", directory]
    explained = env.ctl_ok("explain", *arguments, server=False)
    check(f"{file}:1: does not fit ring::Buffer<int>: no member 'fist'" in explained.stdout, explained.stdout)
    for text, where in (("visualizer {\n  match: 7 }\n", 2), (MISFITTING.replace("fist", "fi st"), 2)):
        file.write_text(text)
        refused = env.ctl("explain", *arguments, server=False)
        check_equal(refused.returncode, 1, "the exit status")
        check(f"{file}:{where}: " in refused.stderr and "hint:" in refused.stderr, refused.stderr)


@scenario("visualizers/a daemon reads them again on SIGHUP and keeps the old ones when a file is broken", needs=("bpf", "g++"), daemon=False)
def _reload(env):
    config, directory = env.tmp / "dlogd.yaml", _directory(env, MISFITTING)
    config.write_text(f"visualizers-dir: {directory}\n")

    def says(text):
        harness.wait_until(lambda: text in env.daemon_log.read_text(), 20, f"dlogd says {text!r}")

    with daemon_with(env, "--config", config) as daemon, env.running([_program()]) as target:
        check("count = 3" in _shown(env, target, ["s.numbers"])["s.numbers"], "a visualizer that does not fit is passed over")
        (directory / "ring.txtpb").write_text(OWN)
        daemon.send_signal(signal.SIGHUP)
        says("1 visualizer file")
        check_equal(_shown(env, target, ["s.numbers"])["s.numbers"], "{1, 2, 3}", "after the reload")
        (directory / "broken.txtpb").write_text("visualizer {")
        daemon.send_signal(signal.SIGHUP)
        says(f"{directory}/broken.txtpb:1: ")
        says("the old configuration stays")
        check_equal(_shown(env, target, ["s.numbers"])["s.numbers"], "{1, 2, 3}", "after a reload of a broken file")
        named = env.ctl("ls", "--visualizers", directory)
        check_equal(named.returncode, 1, "the exit status of --visualizers with a daemon")
