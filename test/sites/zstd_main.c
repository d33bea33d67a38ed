// SPDX-License-Identifier: Apache-2.0
//
// Compresses a file in memory with Debian's libzstd sources at a few levels and decompresses it again: a program for
// site_checker to execute.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zstd.h"

int main(int argc, char** argv) {
  static char text[1 << 16];
  static char packed[1 << 17];
  static char unpacked[1 << 16];
  FILE* file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) return 2;
  const size_t size = fread(text, 1, sizeof(text), file);
  fclose(file);
  for (int level = 1; level <= 7; level += 3) {
    const size_t compressed = ZSTD_compress(packed, sizeof(packed), text, size, level);
    if (ZSTD_isError(compressed)) return 1;
    const size_t back = ZSTD_decompress(unpacked, sizeof(unpacked), packed, compressed);
    if (back != size || memcmp(text, unpacked, size) != 0) return 1;
    printf("level %d: %zu bytes\n", level, compressed);
  }
  return 0;
}
