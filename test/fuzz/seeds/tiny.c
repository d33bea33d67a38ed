/* SPDX-License-Identifier: Apache-2.0
 *
 * The program in corpus/fuzz_symbolizer: small, but with structures, arrays, bitfields, an enumeration, a function
 * pointer, inlining and location lists. make.sh compiles it. */
enum color { RED, GREEN = 5 };
struct node {
  struct node* next;
  int value : 7;
  unsigned flags : 3;
  enum color color;
  double weights[3];
  int (*compare)(const struct node*, const struct node*);
};
static struct node pool[4];
volatile int sink;
static inline int twice(int x) { return x * 2 + sink; }
__attribute__((noinline)) int sum(struct node* list, int limit) {
  int total = 0;
  for (struct node* at = list; at != 0 && limit > 0; at = at->next, --limit) {
    total += twice(at->value);
  }
  sink = total;
  return total;
}
void _start(void) {
  pool[0].next = &pool[1];
  sink = sum(pool, 4);
  for (;;) {
  }
}
