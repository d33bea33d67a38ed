#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What capturing containers costs the target: a map by its size, contiguous elements against single reads.

    capture_cost.py --bin build/release/bin
"""
import argparse
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE / "programs" / "containers.cc"
LINE = next(number for number, line in enumerate(SOURCE.read_text().splitlines(), 1) if "// the logpoint" in line)
ROUNDS = 3


def measure(binaries, program, size, template, *options):
    """Median ns of a call of Probe with this logpoint; the smallest of some rounds."""
    found = []
    for _ in range(ROUNDS):
        with subprocess.Popen([program, str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
            assert target.stdout.readline() == "ready\n"
            command = [binaries / "dlogctl", "log", "-p", str(target.pid), f"{SOURCE.name}:{LINE}", template, "--rate", "0",
                       "--bytes", "32KiB", *options]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as log:
                log.stderr.readline()  # "logs at ..."
                target.stdin.write("\n")
                target.stdin.flush()
                found.append(int(target.stdout.readline()))
                target.wait()
                log.stderr.read()
    return min(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    binaries = parser.parse_args().bin.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        program = pathlib.Path(scratch, "containers")
        subprocess.run(["g++", "-std=c++20", "-O1", "-g", SOURCE, "-o", program], check=True)
        maps = {size: measure(binaries, program, size, "{d.tree}", "--items", "100") for size in (1000, 1000000)}
        vector = measure(binaries, program, 0, "{d.items}")
        reads = measure(binaries, program, 0, " ".join(f"{{d.scalars[{8 * i}]}}" for i in range(50)))
    ratio = maps[1000000] / maps[1000]
    print(f"map of 1,000 nodes, 100 items   {maps[1000]:8d} ns per hit")
    print(f"map of 1,000,000 nodes          {maps[1000000]:8d} ns per hit")
    print(f"{'ok:' if ratio <= 1.2 else 'MISSED:'} {ratio:.2f}x; limit 1.20x")
    print(f"vector of 100 structs           {vector:8d} ns per hit")
    print(f"50 scalars apart                {reads:8d} ns per hit")
    print(f"{'ok:' if vector <= 2 * reads * 1.3 else 'MISSED:'} a vector of 100 structs costs {vector / (2 * reads):.2f}x 100 reads; limit 1.30x")


if __name__ == "__main__":
    main()
