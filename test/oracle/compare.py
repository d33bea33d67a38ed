# SPDX-License-Identifier: Apache-2.0
"""One value as dlog shows it (event JSON) against one as gdb has it (gdb_side.py), typed and recursive.

`compare` returns the verdict on a whole variable: (verdict, detail). README.md defines the verdicts.
"""
import struct

SAME, WRONG, INVENTED, LOST, EXTRA, NEITHER = "same", "WRONG", "INVENTED", "lost", "extra-proven", "neither"

# Reason of dlog -> class of LOST; the first that fits.
LOST_CLASSES = [
    ("vector register", "vector register"), ("only its value at the function's entry", "entry value"),
    ("implicit pointer", "implicit pointer"), ("thread-local", "thread-local"), ("value is in ", "other register"),
    ("floating-point location", "float expression"), ("not whole bytes", "pieces of bits"), ("not a scalar", "computed object"), ("virtual base", "virtual base"), ("corrupt", "corrupt container"), ("depth ", "limit"), ("byte limit", "limit"),
    ("incomplete type", "type"), ("optimized out", "optimized out"), ("available", "optimized out"),
    ("not captured", "not captured"), ("no variable", "another function's site"), ("not described", "optimized out"), ("0x", "unreadable memory"),
]
SHOWN = {"ok", "partial", "truncated", "recovered"}


def lost_class(reason):
    for part, name in LOST_CLASSES:
        if part in reason:
            return name
    return "other: " + reason.partition("\n")[0][:60]


def integer(value):
    """The integer of a dlog leaf, None when it shows none. Outside +-2^53 they are JSON strings."""
    shown = value.get("value")
    if isinstance(shown, bool):
        return int(shown)
    if isinstance(shown, int):
        return shown
    text = shown if isinstance(shown, str) else value.get("text", "")
    try:
        return int(text, 0)
    except ValueError:
        return 0 if text == "nullptr" else None


def _shown_string(value):
    text = value.get("value")
    return text if isinstance(text, str) else value.get("text", "")


def _same_string(dlog, raw):
    """`raw`: the bytes in hex. What is no UTF-8 is shown escaped, so only its printable parts can be compared."""
    text = bytes.fromhex(raw)
    shown = _shown_string(dlog)
    if dlog["status"] == "truncated":
        return text.startswith(shown.encode()[: len(text)]) if text.isascii() else True
    try:
        return shown == text.decode()
    except UnicodeDecodeError:
        return text.decode(errors="ignore").isprintable() is False or text[:1].decode(errors="ignore") in shown


class Comparison:
    """Collects findings about the parts of one variable."""

    def __init__(self):
        self.wrong = []
        self.invented = []
        self.lost = []
        self.same = 0
        self.proven = 0

    def _equal(self, is_equal, path, dlog, gdb):
        if is_equal:
            self.same += 1
        else:
            self.wrong.append(f"{path or 'value'}: dlog {str(dlog)[:160]} gdb {str(gdb)[:160]}")

    def part(self, dlog, gdb, path=""):
        kind = gdb["k"]
        if kind in ("other", "err"):
            return
        if dlog["status"] not in SHOWN:
            if kind == "ptr" and "s" not in gdb and dlog.get("reason") == f"{gdb['v']:#x}":
                self.same += 1  # a text that nobody can read: both say where it would be
                return
            if kind != "out" and not nothing_shown(gdb):
                self.lost.append((lost_class(dlog.get("reason", "")), f"{path}: {dlog.get('reason')}"))
            return
        if kind == "out" and "entry" in gdb:
            before = len(self.wrong)
            self.part(dlog, gdb["entry"], path)
            self.proven += len(self.wrong) == before
            return
        if kind == "out":
            if not (dlog.get("fields") or dlog.get("items")):
                self.invented.append(f"{path or 'value'}: dlog shows {dlog.get('text', dlog.get('value'))}")
            for field in [*dlog.get("fields", []), *dlog.get("items", [])]:
                self.part(field, gdb, f"{path}.{field.get('name', '[]')}")
            return
        getattr(self, "_" + kind)(dlog, gdb, path)

    def _int(self, dlog, gdb, path):
        self._equal(integer(dlog) == int(gdb["v"]), path, dlog, gdb)

    def _bool(self, dlog, gdb, path):
        shown = integer(dlog)
        self._equal(shown is not None and shown == gdb["v"], path, dlog, gdb)

    def _enum(self, dlog, gdb, path):
        shown = integer(dlog)
        same = shown is not None and (shown - gdb["v"]) % (1 << 32) == 0
        name = gdb["n"].rpartition("::")[2]
        # A plain enumerator has one spelling; combinations and unknown numbers are spelled by each tool in its way.
        if same and name.isidentifier():
            same = dlog.get("text", "").rpartition("::")[2] == name
        self._equal(same, path, dlog, gdb)

    def _float(self, dlog, gdb, path):
        wanted = struct.unpack("<d", bytes.fromhex(gdb["v"]))[0]
        shown = dlog.get("value")
        try:
            shown = float(shown if shown is not None else dlog.get("text", ""))
        except ValueError:
            return self._equal(False, path, dlog, gdb)
        both_nan = wanted != wanted and shown != shown
        same = both_nan or struct.pack("<d", shown).hex() == gdb["v"]
        return self._equal(same, path, dlog, wanted)

    def _ptr(self, dlog, gdb, path):
        if dlog.get("fields") is not None or dlog.get("items") is not None:
            if "d" in gdb:
                self.part(dlog, gdb["d"], path)
            return
        shown = dlog.get("value")
        if "s" in gdb and isinstance(shown, str) and not dlog.get("text", "").startswith("0x"):
            self._equal(_same_string(dlog, gdb["s"]), path, dlog, gdb)
            return
        if integer(dlog) is None and "d" in gdb:
            self.part(dlog, gdb["d"], path)
            return
        shown = integer(dlog)
        # The kernel maps one page into a process with stepped probes, so later mappings lie a page lower.
        moved = shown is not None and gdb["v"] - shown == 4096 and 0x7FF000000000 < shown < 0x7FFFFF000000
        self._equal(shown == gdb["v"] or moved, path, dlog, gdb)

    def _array(self, dlog, gdb, path):
        if "items" in dlog:
            if "size" in dlog:
                self._equal(dlog["size"] == gdb["n"] or dlog["size"] in gdb.get("vla", []), path + ".size", dlog["size"], gdb["n"])
            for index, (mine, theirs) in enumerate(zip(dlog["items"], gdb["e"])):
                self.part(mine, theirs, f"{path}[{index}]")
        elif gdb["c"] and dlog.get("text") != "{...}" and all(element["k"] == "int" for element in gdb["e"]):
            raw = bytes(int(element["v"]) & 0xFF for element in gdb["e"])
            text, end, _ = raw.partition(b"\0")
            if gdb.get("cut") and not end:  # gdb's side has only the beginning
                same = _shown_string(dlog).encode()[:len(text)] == text if text.isascii() else True
            else:
                same = _same_string(dlog, text.hex())
            self._equal(same, path, dlog, raw[:40])

    def _struct(self, dlog, gdb, path):
        printed = gdb.get("p")
        if isinstance(dlog.get("value"), str) and printed is not None:
            if len(printed.get("items", [])) == 1:  # what an optional or variant holds
                self.part(dlog, printed["items"][0], path)
            elif "text" in printed:
                shown = _shown_string(dlog)
                same = printed["text"].startswith(shown) if dlog["status"] == "truncated" else printed["text"] == shown
                self._equal(same, path, shown, printed["text"])
            return
        if printed is not None and "items" in printed and "items" in dlog:
            if "size" in dlog and len(printed["items"]) < 128:
                self._equal(dlog["size"] == len(printed["items"]), path + ".size", dlog["size"], len(printed["items"]))
            for index, (mine, theirs) in enumerate(zip(dlog["items"], printed["items"])):
                self.part(mine, theirs, f"{path}[{index}]")
            return
        names = [name for name, _ in gdb["f"]]
        fields = dlog.get("fields")
        if "dynamic" in gdb and fields is not None and not _same_members(fields, names):
            self.part(dlog, gdb["dynamic"], path)
            return
        if printed is None and fields is None and (dlog.get("text") not in ("{...}", "{}") or "items" in dlog):
            # A library type for which gdb has no printer: std::array is its only member, the others are not compared.
            if "items" in dlog and len(gdb["f"]) == 1:
                self.part(dlog, gdb["f"][0][1], path)
            return
        if fields is None or (printed is not None and not _same_members(fields, names)):
            self._through_printer(dlog, printed, path)
            return
        if not _same_members(fields, names):
            self._equal(not names, path + " members", [field["name"] for field in fields], names)
            return
        theirs = dict(gdb["f"]) if len(set(names)) == len(names) else None
        for field, (_, other) in zip(fields, gdb["f"]):
            if theirs is not None:
                other = theirs.get(field["name"], other)
            self.part(field, other, f"{path}.{field['name']}")

    def _through_printer(self, dlog, printed, path):
        """optional and smart pointers: dlog shows what is inside."""
        if printed is None:
            return
        items = printed.get("items", [])
        if dlog.get("text") == "nullopt":
            self._equal(not items, path, dlog, printed)
        elif dlog.get("text") == "nullptr":
            self._equal(not items or items[0].get("v") == 0, path, dlog, printed)
        elif items:
            self.part(dlog, items[0], path)

    def verdict(self):
        if self.wrong:
            return WRONG, self.wrong[0]
        if self.invented:
            return INVENTED, self.invented[0]
        if self.lost:
            return LOST, self.lost[0]
        return (EXTRA, "") if self.proven else (SAME, "")


def _plain_name(name):
    """Template arguments and typedefs are spelled differently: only what stands before them is compared."""
    return name.split("<")[1].split("::")[-1].rstrip(">") if name.startswith("<") else name


def _same_members(fields, names):
    if len(fields) != len(names):
        return False
    mine = sorted(_plain_name(field["name"]) for field in fields if not field["name"].startswith("<"))
    theirs = sorted(_plain_name(name) for name in names if not name.startswith("<"))
    return mine == theirs


def nothing_shown(gdb):
    if gdb["k"] == "struct":
        return all(nothing_shown(part) for _, part in gdb["f"])
    if gdb["k"] == "array":
        return all(nothing_shown(part) for part in gdb["e"])
    return gdb["k"] in ("out", "err", "other")


def compare(dlog, gdb):
    """(verdict, detail); detail of LOST is (class, reason)."""
    if gdb["k"] in ("err", "other"):
        return NEITHER, gdb.get("m", "")
    if gdb["k"] == "out" and dlog["status"] not in SHOWN:
        return SAME, ""
    comparison = Comparison()
    comparison.part(dlog, gdb)
    return comparison.verdict()
