# SPDX-License-Identifier: Apache-2.0
"""The JSON that dlogctl promises, field by field. A missing, additional or wrongly typed field is a Failure.

Scripts build on these names, so this file is changed only together with a CHANGELOG entry.
"""
import re

from harness import Failure

STATUSES = {"ok", "truncated", "partial", "optimized_out", "unreadable", "redacted", "torn", "recovered", "error"}
LEVELS = {"debug", "info", "warn", "error"}
CLASSES = {"nop", "emulated", "stepped"}
# Largest integer that every JSON reader keeps exactly.
SAFE_INTEGER = 2**53


def _fail(path, message):
    raise Failure(f"contract: {path}: {message}")


def _is(kind):
    def rule(value, path):
        if kind is int:
            if isinstance(value, bool) or not isinstance(value, int):
                _fail(path, f"not an integer: {value!r}")
            if abs(value) > SAFE_INTEGER:
                _fail(path, f"an integer outside +-2^53 must be a string: {value!r}")
        elif not isinstance(value, kind):
            _fail(path, f"not {kind}: {value!r}")

    return rule


def _matches(pattern):
    def rule(value, path):
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            _fail(path, f"{value!r} does not match {pattern}")

    return rule


def _one_of(choices):
    def rule(value, path):
        if value not in choices:
            _fail(path, f"{value!r} is none of {sorted(choices)}")

    return rule


def _list_of(rule):
    def each(value, path):
        if not isinstance(value, list):
            _fail(path, f"not a list: {value!r}")
        for index, entry in enumerate(value):
            rule(entry, f"{path}[{index}]")

    return each


def _map_of(rule):
    def each(value, path):
        if not isinstance(value, dict):
            _fail(path, f"not an object: {value!r}")
        for key, entry in value.items():
            rule(entry, f"{path}.{key}")

    return each


def _object(required, optional=None):
    optional = optional or {}

    def rule(value, path):
        if not isinstance(value, dict):
            _fail(path, f"not an object: {value!r}")
        for key in required:
            if key not in value:
                _fail(path, f"{key} is missing in {sorted(value)}")
        for key, entry in value.items():
            field = required.get(key) or optional.get(key)
            if field is None:
                _fail(path, f"unknown field {key}")
            field(entry, f"{path}.{key}")

    return rule


def _scalar(value, path):
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        _fail(path, f"an integer outside +-2^53 must be a string: {value!r}")
    if not isinstance(value, (bool, int, float, str)) and value is not None:
        _fail(path, f"not a scalar: {value!r}")


def _value(name_key):
    def rule(value, path):
        required = {"type": _is(str), "status": _one_of(STATUSES)}
        if name_key:
            required[name_key] = _is(str)
        optional = {"reason": _is(str), "text": _is(str), "value": _scalar, "size": _is(int),
                    "items": _list_of(_value("")), "fields": _list_of(_value("name"))}
        _object(required, optional)(value, path)
        if value["status"] != "ok" and not value.get("reason"):
            _fail(path, f"status {value['status']} without a reason")
        if value["status"] == "ok" and not {"text", "value", "items", "fields"} & value.keys():
            _fail(path, "ok, but nothing is shown")
        if name_key == "expr" and value["status"] == "ok" and "text" not in value:
            _fail(path, "a top-level value needs its text")

    return rule


_EVENT = _object(
    {"time": _matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"), "logpoint": _is(str), "kind": _one_of({"log"}),
     "level": _one_of(LEVELS), "message": _is(str), "file": _is(str), "line": _is(int), "function": _is(str),
     "inlined": _is(bool), "pid": _is(int), "tid": _is(int), "comm": _is(str), "exe": _is(str),
     "build_id": _matches(r"([0-9a-f]{2}){8,64}"), "host": _is(str), "values": _list_of(_value("expr")),
     "hits_since_last": _is(int), "lost_since_last": _map_of(_is(int))},
    {"k8s": _is(dict), "container_id": _is(str), "stack": _is(list), "tags": _list_of(_is(str)), "throttle_factor": _is(float)})

_ADDRESS = _matches(r"0x[0-9a-f]+")

_VARIABLES = _list_of(_object({"expr": _is(str), "type": _is(str), "status": _one_of(STATUSES)},
                              {"location": _is(str), "reason": _is(str), "available_at": _list_of(_is(int))}))

_EXPLAIN = _object(
    {"file": _is(str), "line": _is(int), "requested_line": _is(int),
     "binaries": _list_of(_object({"path": _is(str), "build_id": _is(str), "debug_file": _is(str),
                                   "source_checksum": _one_of({"match", "differs", "unknown"})})),
     "sites": _list_of(_object(
         {"function": _is(str), "inlined": _is(bool), "statement_address": _ADDRESS, "probe_address": _ADDRESS,
          "instruction": _is(str), "class": _one_of(CLASSES), "moved": _is(bool), "predicted_ns": _is(int),
          "variables": _VARIABLES},
         {"reason": _is(str), "between": _list_of(_is(str)), "role": _one_of({"entry"})})),
     "refused": _list_of(_object({"statement_address": _ADDRESS, "instruction": _is(str), "reason": _is(str)},
                                 {"function": _is(str), "variables": _VARIABLES}))},
    {"moved_reason": _is(str), "warnings": _list_of(_is(str))})

_LINES = _object({"file": _is(str),
                  "lines": _list_of(_object({"line": _is(int), "sites": _is(int), "class": _one_of(CLASSES)}))})


def check_event(event):
    _EVENT(event, "event")


def check_explain(document):
    _EXPLAIN(document, "explain")
    for site in document["sites"]:
        for variable in site["variables"]:
            if variable["status"] != "ok" and not variable.get("reason"):
                _fail("explain", f"{variable['expr']}: status {variable['status']} without a reason")


def check_lines(document):
    _LINES(document, "lines")
