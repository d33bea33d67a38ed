# SPDX-License-Identifier: Apache-2.0
"""Location views as readelf prints them: which description of a variable is for the statement of a line, where several
statements begin at one address. gdb 13 does not read them. Independent of dlog's own reader.

    Views(binary).told(name, file, line, address)  ->  None: gdb's own answer stands
                                                       else the descriptions for that statement, as texts of readelf
    evaluate(text, registers)                      ->  the number that a simple description is, None: it is not simple
    object_bytes(text, registers)                  ->  {offset: byte} of what a description tells of the object itself
"""
import functools
import pathlib
import re
import subprocess

OFFSET = re.compile(r"^    ([0-9a-f]{8}) ")
VIEWS = re.compile(r" v([0-9a-f]+) v([0-9a-f]+) views at")
ENTRY = re.compile(r"\s([0-9a-f]{16}) ([0-9a-f]{16}) \((.*)\)")
DIE = re.compile(r"^ <\d+><([0-9a-f]+)>: Abbrev Number: \d+ \((DW_TAG_\w+)\)")
ATTRIBUTE = re.compile(r"^\s+<[0-9a-f]+>\s+(DW_AT_\w+)\s*:\s*(.*)$")
ROW = re.compile(r"^(\S+)\s+(\d+)\s+0x([0-9a-f]+)(?:\s+(\d+))?(?:\s+x)?\s*$")
IMPLICIT = re.compile(r"DW_OP_implicit_pointer: <0x([0-9a-f]+)> 0")
WORD = (1 << 64) - 1
WHOLE = 4096  # of an object that is not in pieces no more is looked at
MAX_HOPS = 4  # of pointers that stand for other variables


class Target(str):
    """A description of what an implicit pointer stands for, not of the pointer."""


def debug_file(binary):
    notes = subprocess.run(["readelf", "-n", binary], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    if found:
        path = pathlib.Path("/usr/lib/debug/.build-id") / found[1][:2] / (found[1][2:] + ".debug")
        if path.exists():
            return path
    return binary


def lines_of(binary, kind):
    command = ["readelf", "--wide", f"--debug-dump={kind}", binary]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
        yield from process.stdout


class Views:
    def __init__(self, binary):
        self.file = debug_file(binary)

    @functools.cached_property
    def lists(self):
        """Offset of a list -> [(begin, first view, end, last view, text)]; only lists with views."""
        found, current, views = {}, None, None
        for line in lines_of(self.file, "loc"):
            if "<End of list>" in line:
                current = None
                continue
            if "location view pair" in line:
                continue
            if current is None and (match := OFFSET.match(line)):
                current = int(match[1], 16)
            if match := VIEWS.search(line):
                views = int(match[1], 16), int(match[2], 16)
            elif views is not None and (match := ENTRY.search(line)):
                found.setdefault(current, []).append((int(match[1], 16), views[0], int(match[2], 16), views[1], match[3]))
                views = None
        return found

    @functools.cached_property
    def variables_and_entries(self):
        """(name -> offsets of the lists of all variables that have it, the addresses where functions begin,
        variable -> offset of its list)."""
        names, origins, lists, entries, die, function = {}, {}, {}, set(), None, False
        for line in lines_of(self.file, "info"):
            if match := DIE.match(line):
                die = int(match[1], 16) if match[2] in ("DW_TAG_variable", "DW_TAG_formal_parameter") else None
                function = match[2] == "DW_TAG_subprogram"
                continue
            if die is None and not function or not (match := ATTRIBUTE.match(line)):
                continue
            attribute, text = match.groups()
            if function:
                if attribute in ("DW_AT_low_pc", "DW_AT_entry_pc") and (address := re.search(r"0x([0-9a-f]+)$", text.strip())):
                    entries.add(int(address[1], 16))
                continue
            if attribute == "DW_AT_name":
                names[die] = text.rpartition(": ")[2].removeprefix("(string) ").strip()
            elif attribute in ("DW_AT_abstract_origin", "DW_AT_specification"):
                origins[die] = int(re.search(r"<0x([0-9a-f]+)>", text)[1], 16)
            elif attribute == "DW_AT_location" and "location list" in text:
                lists[die] = int(re.search(r"(\w+) \(location list\)", text)[1], 16)
        found = {}
        for die, offset in lists.items():
            origin = die
            while origin in origins and origin not in names:
                origin = origins[origin]
            found.setdefault(names.get(origin), []).append(offset)
        return found, entries, lists

    @property
    def variables(self):
        return self.variables_and_entries[0]

    @property
    def entries(self):
        return self.variables_and_entries[1]

    @functools.cached_property
    def rows(self):
        """(base name of the file, line, address) -> the first view of that line there."""
        found = {}
        for line in lines_of(self.file, "decodedline"):
            if match := ROW.match(line):
                key = match[1].rpartition("/")[2], int(match[2]), int(match[3], 16)
                found.setdefault(key, int(match[4] or 0))
        return found

    def told(self, name, file, line, address):
        view = self.rows.get((file, line, address))
        if view is None:
            return None
        told, differs = [], False
        for offset in self.variables.get(name, []):
            mine, other = self._at(offset, address, view)
            told += mine
            differs = differs or other
        return told if differs else None

    def _at(self, offset, address, view, hops=0):
        """(the descriptions of the list for this statement, whether gdb takes others)."""
        entries = [entry for entry in self.lists.get(offset, []) if entry[0] <= address <= entry[2]]
        at = (address, view)
        mine = [entry[4] for entry in entries if (entry[0], entry[1]) <= at < (entry[2], entry[3])]
        # gdb takes the first that covers the address, and an empty one where a function begins.
        theirs = [entry[4] for entry in entries if entry[0] <= address < entry[2] or
                  entry[0] == entry[2] == address and address in self.entries]
        differs = set(mine) != set(theirs) and bool(mine or theirs)
        # gdb 13 takes registers of another frame for the entry value of an inlined copy's argument.
        differs = differs or any("entry_value" in text for text in mine)
        # What stands for a variable is that variable, and gdb takes its descriptions the same way.
        found = []
        for text in mine:
            target = IMPLICIT.fullmatch(text)
            behind = self.variables_and_entries[2].get(int(target[1], 16)) if target and hops < MAX_HOPS else None
            if behind is None:
                found.append(text)
                continue
            texts, other = self._at(behind, address, view, hops + 1)
            found += map(Target, texts)
            differs = differs or other
        return found, differs


def evaluate(text, registers):
    """Register, constant, and register plus constant."""
    text = re.sub(r"DW_OP_(?:GNU_)?entry_value: \(DW_OP_reg\d+ \((\w+)\)\)", r"entry \1", text)
    if match := re.fullmatch(r"DW_OP_(?:reg\d+|regx: \d+) \((\w+)\)", text):
        return registers.get(match[1])
    if not text.endswith("; DW_OP_stack_value"):
        return None
    stack = []
    for operation in text.split("; ")[:-1]:
        if match := re.fullmatch(r"DW_OP_lit(\d+)|DW_OP_const\w+: (-?\d+)", operation):
            stack.append(int(match[1] or match[2]))
        elif match := re.fullmatch(r"entry (\w+)", operation):
            if match[1] not in registers.get("entry", {}):
                return None
            stack.append(registers["entry"][match[1]])
        elif (match := re.fullmatch(r"DW_OP_fbreg: (-?\d+)", operation)) and "cfa" in registers:  # gcc's frame base
            stack.append(registers["cfa"] + int(match[1]))
        elif match := re.fullmatch(r"DW_OP_breg\d+ \((\w+)\): (-?\d+)", operation):
            if match[1] not in registers:
                return None
            stack.append(registers[match[1]] + int(match[2]))
        elif match := re.fullmatch(r"DW_OP_plus_uconst: (\d+)", operation):
            stack[-1] += int(match[1])
        elif operation in ("DW_OP_plus", "DW_OP_minus", "DW_OP_mul") and len(stack) > 1:
            right = stack.pop()
            stack[-1] = {"plus": stack[-1] + right, "minus": stack[-1] - right, "mul": stack[-1] * right}[operation[6:]]
        else:
            return None
        stack[-1] &= WORD
    return stack[-1] if len(stack) == 1 else None


def stack_bytes(address, size, registers):
    """What gdb saw of the frame, none outside of it."""
    stack = registers.get("stack")
    if address is None or stack is None or not 0 <= address - stack["at"] < len(stack["hex"]) // 2:
        return b""
    return bytes.fromhex(stack["hex"])[address - stack["at"]:][:size]


def object_bytes(text, registers):
    """What is in memory outside of the frame, or not simple, has no bytes here."""
    found, begin, part = {}, 0, []
    operations = text.split("; ")
    if "DW_OP_piece" not in text:
        operations.append(f"DW_OP_piece: {WHOLE}")
    for operation in operations:
        if not (match := re.fullmatch(r"DW_OP_piece: (\d+)", operation)):
            part.append(operation)
            continue
        size, described = int(match[1]), "; ".join(part)
        if "DW_OP_stack_value" in part or described.startswith("DW_OP_reg"):
            number = evaluate(described, registers) if size <= 8 or size == WHOLE else None
            content = b"" if number is None else (number & WORD).to_bytes(8, "little")[:size]
        else:
            content = stack_bytes(evaluate(described + "; DW_OP_stack_value", registers) if part else None, size, registers)
        found.update(enumerate(content, begin))
        begin += size
        part = []
    return found
