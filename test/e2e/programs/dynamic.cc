// SPDX-License-Identifier: Apache-2.0
//
// Objects behind pointers and references to their base classes.
void Keep(const void* object);

namespace geo {

struct Shape {
  virtual ~Shape() = default;
  virtual int Area() const = 0;
  int id = 7;
};

struct Named {
  virtual ~Named() = default;
  const char* name = "named";
};

struct Square : Shape {
  int Area() const override { return side * side; }
  int side = 3;
};

struct Label : Named, Square {
  const char* text = "label";
};

struct Plain {
  int x = 1;
};

}  // namespace geo

[[gnu::noinline]] int Look(const geo::Shape* square, const geo::Shape& label, const geo::Named* named,
                           const geo::Plain* plain) {
  int sum = square->Area() + label.Area() + named->name[0] + plain->x;  // the logpoint
  Keep(&sum);
  return sum;
}

int main() {
  geo::Square square;
  geo::Label label;
  label.id = 8;
  geo::Named named;
  named.name = "itself";
  geo::Plain plain;
  geo::Plain other;
  other.x = 2;
  for (;;) {
    int sum = Look(&square, label, &label, &plain) + Look(&square, label, &named, &other);
    Keep(&sum);
  }
}
