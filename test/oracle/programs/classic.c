/* SPDX-License-Identifier: Apache-2.0
 *
 * C idioms: lists, trees, hashing, sorting with a callback, string building, unions with a tag, variable-length arrays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { NUMBER = 1, TEXT = 2, PAIR = 4 };

struct cell {
  enum kind kind;
  unsigned marked : 1;
  signed depth : 6;
  union {
    long number;
    const char* text;
    struct {
      struct cell *left, *right;
    } pair;
  } as;
};

static struct cell pool[32];
static int used;
static unsigned long hash_state = 5381;

static struct cell* allocate(enum kind kind) {
  struct cell* cell = &pool[used++];
  cell->kind = kind;
  cell->depth = used - 16;
  return cell;
}

static struct cell* number(long value) {
  struct cell* cell = allocate(NUMBER);
  cell->as.number = value;
  return cell;
}

static __attribute__((noinline)) struct cell* pair(struct cell* left, struct cell* right) {
  struct cell* cell = allocate(PAIR);
  cell->as.pair.left = left;
  cell->as.pair.right = right;
  return cell;
}

static long sum(const struct cell* cell) {
  long result = 0;
  switch (cell->kind) {
    case NUMBER:
      result = cell->as.number;
      break;
    case TEXT:
      result = (long)strlen(cell->as.text);
      break;
    case PAIR: {
      long left = sum(cell->as.pair.left);
      long right = sum(cell->as.pair.right);
      result = left + right;
      break;
    }
  }
  return result;
}

static __attribute__((noinline)) unsigned long hash(const char* text, size_t length) {
  unsigned long value = hash_state;
  for (size_t i = 0; i < length; ++i) {
    unsigned char c = (unsigned char)text[i];
    value = value * 33 + c;
  }
  hash_state = value;
  return value;
}

static int compare(const void* a, const void* b) {
  const int left = *(const int*)a;
  const int right = *(const int*)b;
  return left < right ? -1 : left > right;
}

static __attribute__((noinline)) int median(const int* values, int count) {
  int copy[count];
  memcpy(copy, values, sizeof copy);
  qsort(copy, (size_t)count, sizeof copy[0], compare);
  int middle = copy[count / 2];
  return middle;
}

static __attribute__((noinline)) size_t build(char* out, size_t size, const char* name, int value) {
  size_t length = strlen(name);
  char digits[16];
  int count = snprintf(digits, sizeof digits, "%d", value);
  if (length + (size_t)count + 1 > size) {
    return 0;
  }
  memcpy(out, name, length);
  memcpy(out + length, digits, (size_t)count + 1);
  return length + (size_t)count;
}

static __attribute__((noinline)) float average(const float* values, int count) {
  float total = 0;
  int i = 0;
  while (i < count) {
    total += values[i];
    ++i;
  }
  float result = count > 0 ? total / (float)count : -1.0f;
  return result;
}

int main(int argc, char** argv) {
  struct cell* list = number(argc);
  for (int i = 0; i < 4; ++i) {
    list = pair(number(i * 11), list);
  }
  long total = sum(list);
  char buffer[32];
  size_t length = build(buffer, sizeof buffer, "round", (int)total);
  unsigned long hashed = hash(buffer, length);
  int values[] = {9, 4, 7, 1, argc};
  int middle = median(values, 5);
  float floats[] = {1.5f, 2.5f, (float)argc};
  float mean = average(floats, 3);
  printf("%ld %s %lu %d %f\n", total, buffer, hashed, middle, (double)mean);
  return 0;
}
