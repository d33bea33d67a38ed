#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make.sh: makes the checked-in corpora again (corpus/*), with gcc, objcopy, python3 and zstd. Needed only when a seed is to
# change; what it makes differs with the compiler.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$here/../corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here"
build() { # NAME FLAGS...
  gcc -nostdlib -static -Wl,--build-id,-z,noseparate-code "${@:2}" -o "$work/$1" tiny.c
  objcopy --remove-section=.comment "$work/$1"
}
mkdir -p "$out"/fuzz_{elf,line,location,inflate,symbolizer,dies,cfi}
build tiny.O2.dwarf5 -O2 -gdwarf-5 -fdebug-prefix-map="$here"=.
build tiny.O0.dwarf4 -O0 -gdwarf-4 -fdebug-prefix-map="$here"=.
build tiny.O1.compressed -O1 -gdwarf-5 -gz=zlib -fdebug-prefix-map="$here"=.
cp "$work"/tiny.* "$out/fuzz_symbolizer/"
cp "$work"/tiny.O1.compressed "$out/fuzz_elf/"
objcopy --only-keep-debug "$work/tiny.O2.dwarf5" "$work/tiny.debug"
objcopy --strip-debug --add-gnu-debuglink="$work/tiny.debug" "$work/tiny.O2.dwarf5" "$out/fuzz_elf/stripped.debuglink"
for name in tiny.O2.dwarf5 tiny.O0.dwarf4; do
  objcopy -O binary --only-section=.debug_line --set-section-flags .debug_line=alloc "$work/$name" "$work/line"
  { printf '\1'; cat "$work/line"; } >"$out/fuzz_line/${name#tiny.}"
done
# Code where test/fuzz/elf_builder.h puts it; sections in the order that fuzz_dies and fuzz_cfi read them in.
for flags in "-O2 -gdwarf-5" "-O0 -gdwarf-4"; do
  # shellcheck disable=SC2086  # several flags
  build placed $flags -fno-asynchronous-unwind-tables -Wl,-Ttext=0x400078 -fdebug-prefix-map="$here"=.
  python3 - "$work/placed" "$out" "$(tr -d ' -' <<<"$flags")" <<'PYTHON'
import struct, subprocess, sys
program, out, name = sys.argv[1:]
def section(which):
    subprocess.run(["objcopy", "-O", "binary", f"--only-section={which}", "--set-section-flags", f"{which}=alloc", program,
                    f"{program}.section"], check=True)
    content = open(f"{program}.section", "rb").read()
    return struct.pack("<H", len(content)) + content
dies = ["abbrev", "info", "str", "rnglists", "ranges", "loclists", "loc", "addr", "types"]
open(f"{out}/fuzz_dies/{name}", "wb").write(b"".join(section(f".debug_{part}") for part in dies))
open(f"{out}/fuzz_cfi/{name}", "wb").write(b"\0\0" + section(".debug_frame"))
PYTHON
done
python3 - "$out" <<'PYTHON'
import struct, subprocess, sys, zlib
out = sys.argv[1]
text = b"static inline int twice(int x);" * 40
def stream(kind, data): return struct.pack("<B", kind) + struct.pack("<I", len(text))[:3] + data
open(f"{out}/fuzz_inflate/zlib", "wb").write(stream(1, zlib.compress(text)))
open(f"{out}/fuzz_inflate/stored", "wb").write(stream(0, text))
zstd = subprocess.run(["zstd", "-q", "-c"], input=text, capture_output=True, check=True).stdout
open(f"{out}/fuzz_inflate/zstd", "wb").write(stream(2, zstd))
def op(atom, number=0, small=0): return struct.pack("<BBq", atom, small, number)
locations = {
    "frame_base": [op(0x91, -20)],
    "register": [op(0x55)],
    "pieces": [op(0x55), op(0x93, 8), op(0x93, 4), op(0x30), op(0x9f), op(0x93, 4)],
    "value": [op(0x77, 8), op(0x06), op(0x12), op(0x22), op(0x08, 7), op(0x1a), op(0x9f)],
    "address": [op(0x03, 0x404010)],
    "branch": [op(0x75, 0), op(0x28, 3), op(0x31), op(0x9f), op(0x16), op(0x94, 4)],
    "cfa": [op(0x9c), op(0x23, 16)],
    "entry": [op(0xa3, 1), op(0x9f)],
}
# An .eh_frame with absolute addresses: CFA by register, by expression; registers saved, by value, by expression.
def frame(body): return struct.pack("<I", len(body)) + body
cie = frame(struct.pack("<I", 0) + b"\1zR\0\1\x78\x10\1\0" + bytes([0x0c, 7, 8, 0x90, 1]) + b"\0" * 2)
rules = bytes([0x41, 0x0e, 16, 0x86, 2, 0x41, 0x0d, 6, 0x83, 3, 0x44, 0x0f, 3, 0x77, 8, 0x06, 0x42, 0x16, 12, 2, 0x77, 16,
               0x42, 0x10, 13, 2, 0x76, 0x78, 0x14, 14, 1, 0x0a, 0x41, 0x0b, 0x2e, 16])
fde = struct.pack("<IQQ", len(cie) + 4, 0x400078, 48) + b"\0" + rules
section = cie + frame(fde) + b"\0" * 4
open(f"{out}/fuzz_cfi/eh_frame", "wb").write(struct.pack("<H", len(section)) + section + b"\0\0")
for name, ops in locations.items():
    open(f"{out}/fuzz_location/{name}", "wb").write(b"".join(ops))
PYTHON
