# SPDX-License-Identifier: Apache-2.0
"""What is redacted is in no line, no event, no file and no metric, whatever asks for it."""
import json
import pathlib

import contract
import fixtures
import harness
from harness import check, check_equal
from registry import scenario

MARKER = "XQZWVJKX"


def _secrets(compiler="g++", level="-O1"):
    return fixtures.compile_program(f"secrets-{compiler}{level}", ["secrets.cc"], "-std=c++20", level, "-g", compiler=compiler)


def _line():
    return f"secrets.cc:{harness.source_line('test/e2e/programs/secrets.cc', '// MARK')}"


def _clean(text, where):
    # Any part of the marker, in whatever order its letters come around.
    doubled = MARKER[:7] * 2
    for start in range(7):
        check(doubled[start:start + 5] not in text, f"{where} shows a secret: {text[:2000]}")


def _values(event):
    return {value["expr"]: value for value in event["values"]}


def _statuses(value):
    yield value["status"]
    for part in value.get("fields", []) + value.get("items", []):
        yield from _statuses(part)


def _shown(env, compiler, level):
    with env.running([_secrets(compiler, level)]) as target:
        events = env.ctl_ok("-o", "json", "log", "-p", target.pid, _line(),
                            "{user} {team} {by_id} {login} {password} {user.api_key} {user.name} {round}",
                            "--rate", "0", "--hits", 3, "--bytes", "32KiB", "--budget", "400%")
    _clean(events.stdout + events.stderr, f"{compiler} {level}")
    for event in events.json_lines():
        contract.check_event(event)
        values = _values(event)
        for secret in ("login", "password", "user.api_key"):
            check_equal(values[secret]["status"], "redacted", secret)
            check("text" not in values[secret] and "value" not in values[secret], f"{values[secret]}")
        check(" <redacted> <redacted> <redacted> user 1 " in event["message"], event["message"])
        check_equal(values["user.name"]["text"], "user 1", "name")
        check_equal(values["round"]["status"], "ok", "round")
        user = values["user"]
        check_equal(user["status"], "partial", f"user: {user}")
        check("password" in user["reason"], f"reason: {user['reason']}")
        fields = {field["name"]: field for field in user["fields"]}
        check_equal({name for name, field in fields.items() if field["status"] == "redacted"},
                    {"password", "api_key", "session_token"}, "redacted members")
        check_equal((fields["id"]["text"], fields["name"]["text"], fields["visits"]["text"]), ("1", "user 1", "10"), "other members")
        for container, first in (("team", "user 2"), ("by_id", "user 5")):
            text = values[container]["text"]
            check(first in text and "<redacted>" in text, f"{container}: {text}")
            check("unreadable" not in set(_statuses(values[container])), f"{container}: {text}")


for _compiler in ("g++", "clang++"):
    for _level in ("-O0", "-O2"):
        scenario(f"redaction/members and containers {_compiler} {_level}", needs=("bpf", _compiler))(
            lambda env, c=_compiler, o=_level: _shown(env, c, o))


@scenario("redaction/conditions and ways around are refused", needs=("bpf", "g++"))
def refused(env):
    with env.running([_secrets()]) as target:
        for condition in ("password[0] == 'X'", 'user.api_key == "XQZWVJKXQZWVJKXQZWVJKX"', "user.password[1] > 5", "login.text[0] != 0"):
            result = env.ctl("log", "-p", target.pid, _line(), "{round}", "--if", condition, "--hits", 1)
            check_equal(result.returncode, 1, f"--if {condition}: {result}")
            check("is redacted" in result.stderr and "hint:" in result.stderr, str(result))
            _clean(result.stdout + result.stderr, condition)
        text = " ".join("{%s}" % e for e in ("*password", "&user.id", "(char*)&user", "&user.name", "(char*)&login", "user.api_key.size()",
                                             "*user.session_token", "team[0].password"))
        result = env.ctl_ok("-o", "json", "log", "-p", target.pid, _line(), text + " {round}", "--hits", 2)
        _clean(result.stdout, "ways around")
        for event in result.json_lines():
            check_equal({value["status"] for value in event["values"][:-1]}, {"redacted"}, f"{event['values']}")
        variables = env.ctl_json("vars", "-p", target.pid, _line())
        found = {v["expr"]: v["status"] for site in variables["sites"] for v in site["variables"]}
        check_equal((found["password"], found["login"], found["round"]), ("redacted", "redacted", "ok"), "vars")


@scenario("redaction/rules of the configuration, in files too", needs=("bpf", "g++"))
def configured(env):
    events = env.tmp / "redaction-events.json"
    config = env.tmp / "redaction.yaml"
    config.write_text("redaction:\n  names: [visits]\n  types: []\n  exclude: []\n"
                      f"sinks:\n  - kind: file\n    path: {events}\n")
    env.stop_daemon()
    env.start_daemon("--config", config)
    try:
        with env.running([_secrets()]) as target:
            env.ctl_ok("log", "-p", target.pid, _line(), "{user.visits} {user.name} {user}", "--hits", 5)
        lines = harness.wait_until(lambda: events.exists() and len(found := events.read_text().splitlines()) >= 5 and found, 10, "events")
        for event in map(json.loads, lines):
            values = _values(event)
            check_equal(values["user.visits"]["status"], "redacted", "visits")
            check(MARKER in values["user"]["text"], "what is not redacted is shown")
    finally:
        env.stop_daemon()
        env.ensure_daemon()


@scenario("redaction/a plan made without it is refused", needs=("bpf", "g++"))
def plans(env):
    program = _secrets()
    plan = env.tmp / "secrets.plan"
    with env.running([program]) as target:
        for secret, redact, code in (("password", "false", 1), ("user.name", "true", 0), ("password", "true", 0)):
            made = env.ctl_ok("resolve", "--binary", program, _line(), "{%s} {round}" % secret,
                              prefix=("env", f"DLOGD_REDACTION_ENABLED={redact}"), stdout=pathlib.Path(plan).open("wb"))
            check_equal(made.returncode, 0, str(made))
            result = env.ctl("log", "--plan", plan, "-p", target.pid, "--hits", 2)
            check_equal(result.returncode, code, f"{secret}, redaction {redact}: {result}")
            _clean(result.stdout + result.stderr, secret)
            if code == 1:
                check("refused by redaction" in result.stderr and "hint:" in result.stderr, str(result))
