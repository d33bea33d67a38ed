# SPDX-License-Identifier: Apache-2.0
"""What several scenario files need about shop."""
import subprocess

import harness


def debian_package(env):
    """The Debian package of the build under test."""
    config = env.bin.parent / "CPackConfig.cmake"
    if not config.exists():
        raise harness.Skip(f"{config} is not there: the binaries are not in a build directory")
    out = env.tmp / "package"
    done = subprocess.run(["cpack", "-G", "DEB", "--config", str(config), "-B", str(out)], capture_output=True, text=True,
                          check=False)
    harness.check_equal(done.returncode, 0, f"cpack: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    packages = list(out.glob("*.deb"))
    harness.check_equal(len(packages), 1, f"packages in {list(out.iterdir())}")
    return packages[0]


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
