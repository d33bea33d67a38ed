/* SPDX-License-Identifier: Apache-2.0
 *
 * C: tags, bitfields, variable-length arrays, a static function, file-scope statics. */
#include <stdio.h>
#include <stdlib.h>

struct point {
  int x;
  int y;
};
typedef struct point point_t;
typedef int (*handler)(struct point*, int);
enum state { IDLE, BUSY = 3 };

static int file_static = 11;
int global_counter;

static __attribute__((noinline)) int handle(struct point* p, int n) {
  int values[n];
  for (int i = 0; i < n; ++i) values[i] = p->x + i;
  file_static += values[n - 1];
  return values[0]; /* MARK: handle */
}

int main(int argc, char** argv) {
  point_t where = {argc, 2};
  handler h = handle;
  enum state now = BUSY;
  global_counter += h(&where, argc + 1);
  printf("%d %d %s\n", global_counter, now, argv[0]); /* MARK: main */
  return 0;
}
