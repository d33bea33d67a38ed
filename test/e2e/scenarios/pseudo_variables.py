# SPDX-License-Identifier: Apache-2.0
"""Names with a '$': what is known of the hit itself, and names that stand for several variables."""
import os

import fixtures
import harness
from harness import check, check_equal
from registry import scenario

SOURCE = "test/e2e/programs/threads.cc"


def _location():
    return f"threads.cc:{harness.source_line(SOURCE, '// the logpoint')}"


def _program():
    return fixtures.compile_program("pseudo-variables", ["threads.cc"], "-g", "-O1")


def _texts(event):
    return {value["expr"]: value["text"] for value in event["values"]}


@scenario("pseudo-variables/the hit's process, thread, name and time, as its event has them")
def of_the_hit(env):
    with env.running([_program()]) as target:
        template = "{$pid} {$tid:>9} {$comm} {$time} {$tid + 1} {$pid == $tid}"
        events = env.ctl_ok("-o", "json", "log", "-p", target.pid, _location(), template, "--hits", 20).json_lines()
    check_equal(len(events), 20, "events")
    for event in events:
        texts = _texts(event)
        check_equal(texts["$pid"], str(event["pid"]), "$pid")
        check_equal(texts["$tid"].strip(), str(event["tid"]), "$tid")
        check_equal(texts["$tid + 1"], str(event["tid"] + 1), "$tid + 1")
        check_equal(texts["$pid == $tid"], "true" if event["pid"] == event["tid"] else "false", "$pid == $tid")
        check_equal(texts["$comm"], event["comm"], "$comm")
        check_equal(texts["$time"], event["time"], "$time")


@scenario("pseudo-variables/a condition on the thread takes its hits and no others")
def condition_on_the_thread(env):
    with env.running([_program()]) as target:
        thread = max(int(name) for name in os.listdir(f"/proc/{target.pid}/task"))
        events = env.ctl_ok("-o", "json", "log", "-p", target.pid, _location(), "{step}", "--if", f"$tid == {thread}",
                            "--hits", 10).json_lines()
    check_equal({event["tid"] for event in events}, {thread}, "threads")
    check_equal(len({_texts(event)["step"] for event in events}), 1, "different values in one thread")


@scenario("pseudo-variables/$args and $locals stand for the variables of the line")
def several_variables(env):
    line = harness.source_line(SOURCE, "// the logpoint")
    with env.running([_program()]) as target:
        (event,) = env.ctl_ok("-o", "json", "log", "-p", target.pid, f"threads.cc:{line}", "<{$args}> {{{ $locals }}}",
                              "--hits", 1).json_lines()
        step = _texts(event)["step"]
        check_equal(event["message"], f"<step = {step}> {{}}", "message")
        for text, complaint in (("{$args:d}", "takes no format"), ("{$locals + 1}", "can only be shown"),
                                ("{$comm == $comm}", "can only be shown"), ("{$comm:d}", "does not fit"),
                                ("{$nothing}", "no '$nothing' here"), ("{$this}", "no 'this' is known")):
            done = env.ctl("log", "-p", target.pid, f"threads.cc:{line}", text, "--hits", 1)
            check_equal(done.returncode, 1, text)
            check(complaint in done.stderr, f"{text}: {done.stderr}")
