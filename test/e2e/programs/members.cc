// SPDX-License-Identifier: Apache-2.0
//
// Pointers to members: data, functions, virtual functions, and one that adjusts `this`.
void Keep(const void* object);

struct Base {
  virtual ~Base() = default;
  virtual int Size() const { return 1; }
  int id = 7;
};

struct Other {
  int Weight() const { return other; }
  int other = 3;
};

struct Derived : Base, Other {
  int Size() const override { return 2; }
  int Plain() const { return id; }
};

[[gnu::noinline]] int Call(const Derived* object, int Base::*data, int (Derived::*plain)() const,
                           int (Base::*virtually)() const, int (Derived::*adjusted)() const,
                           int (Base::*none)() const) {
  int sum = object->*data;  // the entry
  sum += (object->*plain)() + (object->*virtually)() + (object->*adjusted)();
  if (none != nullptr) ++sum;
  Keep(&sum);
  return sum;  // the logpoint
}

int main() {
  Derived object;
  for (;;) {
    int sum = Call(&object, &Base::id, &Derived::Plain, &Base::Size, &Derived::Weight, nullptr);
    Keep(&sum);
  }
}
