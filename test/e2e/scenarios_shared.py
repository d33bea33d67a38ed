# SPDX-License-Identifier: Apache-2.0
"""What several scenario files need about shop."""
import subprocess

import harness


def reserve_line():
    """The line of shop where `total` is known and the stock is not touched yet."""
    return f"order.cc:{harness.source_line('test/programs/shop/order.cc', 'inventory.Reserve(')}"


def function_bytes(env, pid, symbol="shop::handle_order"):
    """The bytes of a function of shop as they are in the process now: a probe shows as a changed byte."""
    table = subprocess.run(["nm", "-CS", "--defined-only", env.bin / "shop"], capture_output=True, text=True, check=True).stdout
    address, size = next((int(line.split()[0], 16), int(line.split()[1], 16)) for line in table.splitlines()
                         if symbol + "(" in line and "cold" not in line)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        base = min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(str(env.bin / "shop")))
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(base + address)
        return memory.read(size)
