// SPDX-License-Identifier: Apache-2.0
//
// Arrays whose bound is computed while the program runs, as in C.
struct pair {
  short first;
  short second;
};

void Keep(const void* object);

[[gnu::noinline]] static long fill(int count) {
  int squares[count];
  struct pair pairs[count - 1];
  int grid[count][2];
  char word[count + 1];
  long sum = 0;
  for (int i = 0; i < count; ++i) {
    squares[i] = i * i;
    grid[i][0] = i;
    grid[i][1] = -i;
    word[i] = static_cast<char>('a' + i);
    sum += squares[i];
  }
  word[count] = 0;
  for (int i = 0; i + 1 < count; ++i) {
    pairs[i].first = static_cast<short>(i);
    pairs[i].second = static_cast<short>(10 * i);
  }
  Keep(squares);
  Keep(pairs);
  Keep(grid);
  Keep(word);
  sum += squares[count - 1];  // the logpoint
  return sum;
}

int main() {
  for (;;) {
    long sum = fill(4);
    Keep(&sum);
  }
}
