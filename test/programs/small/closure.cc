// SPDX-License-Identifier: Apache-2.0
//
// C++: an object in a register that refers to others: a lambda that has captured by reference.
struct Order {
  int id;
  const char* label;
};

template <typename Function>
__attribute__((noinline, noclone)) int Apply(Function function) {
  const int got = function(3);
  __asm__ volatile("" : : "r"(got) : "memory");  // MARK: applied
  return got;
}

int main(int argc, char** argv) {
  Order order{argc, argv[0]};
  __asm__ volatile("" : : "r"(&order) : "memory");
  return Apply([&order](int amount) { return order.id + amount; }) == 0;
}
