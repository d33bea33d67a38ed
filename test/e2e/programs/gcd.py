# SPDX-License-Identifier: Apache-2.0
"""Calls a C function of the interpreter with known numbers, in a cycle, until it is ended."""
import math
import time

PAIRS = [(1 << 70, 3), (12345678901234567890, 987654321), (-(1 << 95) - 7, 1 << 33), (999999937, 1 << 61)]
print("ready", flush=True)
while True:
    for a, b in PAIRS:
        math.gcd(a, b)
        time.sleep(0.01)
