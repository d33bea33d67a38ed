# SPDX-License-Identifier: Apache-2.0
"""Runs inside gdb, on a stopped process: what gdb knows at some addresses, as JSON trees of typed values.

DLOG_ORACLE names a file with the request:
  {"output": FILE, "hits": N, "hit_cap": N, "bias": N, "sites": [{"address": N, "line": N, "file": NAME, "expressions": [..]}],
   "lines": ["file.cc:12", ...]}
`address` is link-time. Answer: {"lines": {"file.cc:12": {address: the line that gdb gives it, ...}}, "counts": {address: n}, "capped": [address],
"rows": {"address:line": [row]}}; a row is {"serial": n, "registers": {name: n, "cfa": n, "entry": {name: n}, "stack": {"at": n, "hex": text}, "texts": {address: hex}}, "values": {expression: node}, "later": [name], "copies": [{expression: node}]}.

A node: {"k": kind, ...} with kind int, bool, float, enum, ptr, struct, array, out (optimized out), err, other.
"""
import itertools
import json
import os
import struct
import sys

import gdb

MAX_ITEMS = 128
MAX_DEPTH = 7
MAX_STRING = 300
MAX_BLOCKS = 64
MAX_FRAME = 4096
TEXT_BYTES = 32  # behind each register
REGISTERS = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16))]

with open(os.environ["DLOG_ORACLE"], encoding="utf-8") as request_file:
    request = json.load(request_file)

serial = itertools.count()
counts = {}
rows = {}
capped = set()
entered = {}  # (function, thread, CFA) -> ({argument: value}, registers), of the latest call
exhausted = []  # entries that are no longer looked at


def error_node(error):
    text = str(error)
    return {"k": "out"} if "optimized out" in text else {"k": "err", "m": text[:200]}


def is_character(kind):
    kind = kind.strip_typedefs()
    return kind.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR) and kind.sizeof == 1


def string_at(pointer):
    """Bytes up to NUL as hex, None when they cannot be read."""
    try:
        inferior = gdb.selected_inferior()
        found = b""
        while len(found) < MAX_STRING:
            byte = inferior.read_memory(int(pointer) + len(found), 1).tobytes()
            if byte == b"\0":
                return found.hex()
            found += byte
        return found.hex()
    except gdb.error:
        return None


def pointer_node(value, depth, inside_printer):
    if "synthetic pointer" in value.format_string(symbols=False):
        return {"k": "other", "t": "synthetic pointer"}  # gdb knows what it points to, but no value of it
    node = {"k": "ptr", "v": int(value) & 0xFFFFFFFFFFFFFFFF}
    target = value.type.strip_typedefs().target().strip_typedefs()
    if is_character(target) and node["v"]:
        text = string_at(value)
        if text is not None:
            node["s"] = text
    elif inside_printer and node["v"] and depth < MAX_DEPTH and target.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_INT):
        node["d"] = tree(value.dereference(), depth + 1)
    return node


def struct_node(value, depth):
    fields, places = [], []
    for field in value.type.strip_typedefs().fields():
        if not hasattr(field, "bitpos") and not field.is_base_class:
            continue  # a static member
        if getattr(field, "artificial", False) and field.is_base_class:
            continue
        try:
            part = tree(value[field], depth + 1)
        except (gdb.error, RuntimeError) as error:
            part = error_node(error)
        fields.append([f"<{field.name}>" if field.is_base_class else field.name or "", part])
        places.append(field.bitpos // 8 if hasattr(field, "bitpos") and not field.bitsize else None)
    node = {"k": "struct", "f": fields, "o": places}
    printer = gdb.default_visualizer(value)
    if printer is not None:
        node["p"] = printed(printer, depth)
    return node


def printed(printer, depth):
    """What libstdc++'s own pretty printer makes of the object."""
    found = {}
    try:
        text = printer.to_string()
        if isinstance(text, gdb.Value):
            text = text.string()
        elif hasattr(text, "value"):  # a lazy string
            text = text.value().string(length=text.length) if text.length > 0 else ""
        if text is not None:
            found["text"] = str(text)
        if hasattr(printer, "children"):
            items = []
            is_map = getattr(printer, "display_hint", lambda: None)() == "map"  # its children are keys and values in turn
            for _, child in itertools.islice(printer.children(), 2 * MAX_ITEMS if is_map else MAX_ITEMS):
                items.append(tree(child, depth + 1, inside_printer=True) if isinstance(child, gdb.Value) else {"k": "other"})
            if is_map:
                items = [{"k": "struct", "f": [["first", key], ["second", value]]} for key, value in zip(items[::2], items[1::2])]
            found["items"] = items
    except (gdb.error, RuntimeError, ValueError, UnicodeError, OverflowError, MemoryError, TypeError) as error:
        found["error"] = str(error)[:100]
    return found


def array_node(value, depth):
    kind = value.type.strip_typedefs()
    low, high = kind.range()
    elements = []
    for index in range(low, min(high + 1, low + MAX_ITEMS)):
        try:
            elements.append(tree(value[index], depth + 1))
        except (gdb.error, RuntimeError) as error:
            elements.append(error_node(error))
    node = {"k": "array", "e": elements, "n": max(0, high - low + 1), "c": is_character(kind.target())}
    if node["n"] > MAX_ITEMS:
        node["cut"] = True
    return node


def float_node(value):
    if value.type.strip_typedefs().sizeof > 8:
        return {"k": "float", "v": struct.pack("<d", float(value)).hex(), "long": True}
    return {"k": "float", "v": struct.pack("<d", float(value)).hex()}


def tree(value, depth=0, inside_printer=False):
    try:
        if depth > MAX_DEPTH:
            return {"k": "other"}
        kind = value.type.strip_typedefs()
        code = kind.code
        # Of an aggregate gdb says so when any part of it is: its parts are asked one by one.
        if code not in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION, gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_COMPLEX) and value.is_optimized_out:
            return {"k": "out", "bits": 8 * kind.sizeof}
        if code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            return tree(value.referenced_value(), depth)
        if code == gdb.TYPE_CODE_PTR:
            return pointer_node(value, depth, inside_printer)
        if code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            return struct_node(value, depth)
        if code == gdb.TYPE_CODE_ARRAY:
            return array_node(value, depth)
        if code == gdb.TYPE_CODE_BOOL:
            return {"k": "bool", "v": int(value.cast(gdb.lookup_type("unsigned char")))}
        if code == gdb.TYPE_CODE_ENUM:
            return {"k": "enum", "v": int(value), "n": str(value)}
        if code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR):
            return {"k": "int", "v": str(int(value)), "bits": 8 * kind.sizeof}
        if code == gdb.TYPE_CODE_FLT:
            return float_node(value)
        return {"k": "other", "t": str(value)[:200]}
    except (gdb.error, RuntimeError, ValueError, UnicodeError, OverflowError) as error:
        return error_node(error)


def function_name(name):
    """Without parameters and template arguments, to compare across tools."""
    plain, depth = "", 0
    name = name or ""
    if name.startswith("decltype"):  # the type that a template returns, as the demangler has it: parentheses, then a blank
        for at, letter in enumerate(name):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == ")" and depth == 0:
                name = name[at + 1:]
                break
    parameters = 0  # what a function has before its local names ("f(int)::{lambda(int)#1}::operator()") is dropped, too
    for letter in name.replace("(anonymous namespace)", "{anonymous}").replace("operator()", "operator"):
        if depth == 0 and (letter == "(" or parameters):
            parameters += {"(": 1, ")": -1}.get(letter, 0)
            continue
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if depth == 0 and letter != ">":
            plain += letter
    return plain.removesuffix(" const").strip().rpartition("::")[2].rpartition(" ")[2]  # "int f<int>(int)"


def blocks_of(pc, site):
    """The blocks around `pc`, innermost first, that belong to the function of the statement: a list for each copy of it there is.

    A statement of a line may start inside a function that is inlined there: gdb then speaks of the inlined one, dlog of the
    function that the line is in. Both are right; only the same function can be compared."""
    groups, group = [], []
    block = gdb.block_for_pc(pc)
    for _ in range(MAX_BLOCKS):
        if block is None or block.is_static or block.is_global:
            break
        group.append(block)
        if block.function is not None:
            groups.append((function_name(block.function.name), group))
            group = []
        block = block.superblock
    wanted = function_name(site["function"])
    found = [group for name, group in groups if name == wanted] or [group for _, group in groups[:1]]
    # gdb 13 merges blocks of gcc's coroutines with those of other functions; they do not even contain the address.
    return [group for group in found if all(block.start <= pc < block.end for block in group)] or [[]]


def is_constant(symbol):
    """A variable that is a constant to the compiler; enumerators are such symbols too."""
    if symbol.addr_class == gdb.SYMBOL_LOC_CONST_BYTES:
        return True
    if symbol.addr_class != gdb.SYMBOL_LOC_CONST:
        return False
    kind = symbol.type.strip_typedefs()
    return kind.code != gdb.TYPE_CODE_ENUM or all(field.name.rpartition("::")[2] != symbol.name for field in kind.fields())


def names_at(blocks, site):
    """{name: symbol} as the language says for the line, and the names that are declared further down only."""
    visible, later, block_of = {}, set(), {}
    function = next((block.function for block in blocks if block.function is not None), None)
    for block in blocks:
        for symbol in block:
            if not (symbol.is_variable or symbol.is_argument or is_constant(symbol)) or not symbol.name:
                continue
            # The rule of README.md: what is declared on a later line of the same file is not in scope yet.
            # With LTO gdb gives what is in a unit one file, whatever it is; the function has the same then.
            here = symbol.symtab is not None and (os.path.basename(symbol.symtab.filename) == site["file"] or
                                                  function is not None and symbol.symtab.filename == function.symtab.filename)
            if here and symbol.line > site["line"] and not symbol.is_argument:
                later.add(symbol.name)
            elif symbol.name not in visible or (symbol.is_argument and block_of.get(symbol.name) == block):
                visible[symbol.name] = symbol  # of an expanded pack gdb's `print` takes the last
                block_of[symbol.name] = block
    return visible, later - visible.keys()


def captured_this(value):
    """In a lambda `this` means the captured one; for clang the pointer to the closure has that name too."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        closure = value.type.strip_typedefs().target().strip_typedefs()
        if closure.code == gdb.TYPE_CODE_STRUCT and any(field.name == "this" for field in closure.fields()):
            return value["this"]
    return value


def object_node(value):
    """The value; with what it really is, when that is a class derived from the declared one."""
    node = tree(value)
    if node["k"] == "struct":
        try:
            if value.type.strip_typedefs().code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
                value = value.referenced_value()
            pointer = value.address
            if pointer is not None and str(pointer.dynamic_type) != str(pointer.type):
                node["dynamic"] = tree(pointer.cast(pointer.dynamic_type).dereference())
        except (gdb.error, RuntimeError):
            pass  # no vtable there yet
    return node


def outermost_function(pc):
    """The function that the code at `pc` was made for, as a symbol; None where gdb knows none."""
    found = None
    block = gdb.block_for_pc(pc)
    for _ in range(MAX_BLOCKS):
        if block is None or block.is_static or block.is_global:
            break
        found = block.function or found
        block = block.superblock
    return found


def calling_frame(frame):
    """The frame of the caller of the function that the code was made for; its stack pointer is the CFA."""
    while frame is not None and frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame.older() if frame is not None else None


def entry_values(frame, pc):
    """({argument: its value}, registers) when the function of this frame was entered, as the breakpoint there saw it."""
    caller = calling_frame(frame)
    if caller is None:
        return {}, {}
    function = outermost_function(pc)
    return entered.get((function.name if function else None, gdb.selected_thread().num, int(caller.read_register("rsp"))), ({}, {}))


def vla_counts(visible, frame):
    """clang's own variables for the bounds of arrays: gdb 13 does not evaluate a bound whose place is a location list."""
    found = []
    for name, symbol in visible.items():
        if name.startswith("__vla_expr"):
            try:
                found.append(int(symbol.value(frame)))
            except (gdb.error, RuntimeError):
                pass
    return found


def at_entry(entry, name, pointer):
    try:
        return tree(entry[pointer].dereference() if pointer != name else entry[pointer])
    except (gdb.error, RuntimeError) as error:
        return error_node(error)


def values_at(blocks, site, frame, pc):
    """({expression: node}, names that are declared further down) in one copy of the function."""
    visible, later = names_at(blocks, site)
    values = {}
    entry, _ = entry_values(frame, pc)
    counts_of_arrays = vla_counts(visible, frame)
    for name in [*visible, *(e for e in site["expressions"] if e not in visible)]:
        pointer = name.lstrip("*")
        symbol = visible.get(pointer)
        if symbol is None:
            continue
        try:
            value = symbol.value(frame) if symbol.needs_frame else symbol.value()
            if pointer == "this":
                value = captured_this(value)
            values[name] = object_node(value.dereference() if pointer != name else value)
        except (gdb.error, RuntimeError) as error:
            values[name] = error_node(error)
        if symbol.is_argument and pointer in entry:
            values[name]["entry" if values[name]["k"] == "out" else "at_entry"] = at_entry(entry, name, pointer)
        if values[name]["k"] == "array" and counts_of_arrays:
            values[name]["vla"] = counts_of_arrays
    return values, later


def registers_of(frame):
    return {name: int(frame.read_register(name)) & (1 << 64) - 1 for name in REGISTERS}


def texts_behind(addresses):
    """{address: the bytes there up to NUL, as hex}, of those that can be read."""
    found = {}
    for address in addresses:
        try:
            memory = gdb.selected_inferior().read_memory(address, TEXT_BYTES).tobytes()
        except (gdb.error, OverflowError):
            continue
        found[address] = memory.partition(b"\0")[0].hex()
    return found


def row(site, frame, pc):
    copies = [values_at(blocks, site, frame, pc) for blocks in blocks_of(pc, site)]
    registers = registers_of(frame)
    registers["texts"] = texts_behind(registers.values())
    registers["entry"] = entry_values(frame, pc)[1]
    caller = calling_frame(frame)
    if caller is not None:
        registers["cfa"] = int(caller.read_register("rsp")) & (1 << 64) - 1
        size = min(registers["cfa"] - registers["rsp"], MAX_FRAME)
        if size > 0:
            memory = gdb.selected_inferior().read_memory(registers["rsp"], size)
            registers["stack"] = {"at": registers["rsp"], "hex": memory.tobytes().hex()}
    return {"serial": next(serial), "registers": registers, "values": copies[0][0], "later": sorted(copies[0][1]), "copies": [values for values, _ in copies[1:]]}


class Entry(gdb.Breakpoint):
    """The first instruction of a function: what its arguments are there, for those that gdb cannot show later."""

    def __init__(self, address):
        super().__init__(f"*{address:#x}", internal=True)
        self.silent = True
        self.seen = 0

    def stop(self):
        try:
            frame = gdb.newest_frame()
            function = outermost_function(frame.pc())
            found = {}
            for symbol in gdb.block_for_pc(frame.pc()):
                if symbol.is_argument:
                    try:  # one that gdb cannot read says nothing about the others
                        value = symbol.value(frame)
                        value.fetch_lazy()
                        found[symbol.name] = value
                    except (gdb.error, RuntimeError):
                        pass
            entered[(function.name, gdb.selected_thread().num, int(frame.read_register("rsp")) + 8)] = found, registers_of(frame)
        except (gdb.error, RuntimeError, AttributeError):
            pass
        self.seen += 1
        if self.seen >= request["hit_cap"]:
            exhausted.append(self)
            return True
        return False


class Site(gdb.Breakpoint):
    """One address. Never stops: looks, counts, goes on."""

    def __init__(self, address, sites):
        super().__init__(f"*{address + request['bias']:#x}", internal=True)
        self.silent = True
        self.address = address
        self.sites = sites
        counts[address] = 0

    def stop(self):
        counts[self.address] += 1
        try:
            if counts[self.address] <= request["hits"]:
                for site in self.sites:
                    rows.setdefault(f"{self.address}:{site['line']}", []).append(
                        row(site, gdb.newest_frame(), self.address + request["bias"]))
            elif counts[self.address] >= request["hit_cap"]:
                capped.add(self.address)
                return True
        except Exception as error:  # gdb would print it and go on
            sys.stderr.write(f"oracle: {error!r}\n")
        return False


def run():
    for word in ("pagination off", "confirm off", "print thread-events off", "breakpoint pending off", "max-value-size unlimited"):
        gdb.execute(f"set {word}", to_string=True)
    gdb.execute("handle SIGSTOP SIGCONT nostop noprint nopass", to_string=True)
    sys.path.insert(0, "/usr/share/gcc/python")
    try:
        from libstdcxx.v6.printers import register_libstdcxx_printers
        register_libstdcxx_printers(None)
    except ImportError:
        pass
    lines = {}
    for line in request["lines"]:
        try:
            located = gdb.Breakpoint(line, internal=True)
            lines[line] = {location.address - request["bias"]: gdb.find_pc_line(location.address).line for location in located.locations}
            located.delete()
        except (gdb.error, RuntimeError) as error:
            lines[line] = {}
            sys.stderr.write(f"oracle: {line}: {error}\n")
    sites = {}
    for site in request["sites"]:
        sites.setdefault(site["address"], []).append(site)
    breakpoints = {address: Site(address, sites.get(address, [])) for address in {*sites, *itertools.chain(*lines.values())}}
    functions = {outermost_function(address + request["bias"]) for address in sites} - {None}
    for address in {int(function.value().address) for function in functions if function.type.fields()}:
        Entry(address)
    while gdb.selected_inferior().pid:
        gdb.execute("continue", to_string=True)
        for entry in exhausted:
            entry.enabled = False
            entered.clear()
        for address in capped:
            if breakpoints[address].is_valid() and breakpoints[address].enabled:
                breakpoints[address].enabled = False
    answer = {"lines": lines, "counts": counts, "capped": sorted(capped), "rows": rows}
    with open(request["output"], "w", encoding="utf-8") as output:
        json.dump(answer, output)


run()
