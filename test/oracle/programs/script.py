# SPDX-License-Identifier: Apache-2.0
"""A short, fixed run through the interpreter's number, list, dict, string and set code."""
import math

TOTAL = 0
TEXTS = []
for number in range(6):
    TOTAL += math.gcd((1 << 70) + number, 3 + number) + math.isqrt(10 ** 20 + number)
    TEXTS.append("item %d %s" % (number, hex(number)))
    TOTAL ^= (12345678901234567890 * number) // 7
TABLE = {text: len(text) for text in TEXTS}
TABLE.update({1: 2.5, (1, 2): [3, 4]})
TABLE.pop("item 0 0x0")
VALUES = sorted([3, 1, 2, 9.5, -4], key=lambda value: -value)
VALUES.insert(2, 7)
VALUES.extend(float(text) for text in ("1.5", "2e10"))
NAMES = frozenset(TEXTS) | {"other", "é€"}
JOINED = ",".join(TEXTS).upper().replace("ITEM", "x").split(",")
print(TOTAL, len(TABLE), VALUES, len(NAMES), JOINED, round(2.567, 2), divmod(-7, 2), int("123456789012345678901234567890"))
