// SPDX-License-Identifier: Apache-2.0
//
// Types of Boost with constant contents; scenarios/library_types.py knows what has to be seen.
#include <unistd.h>

#include <boost/container/flat_map.hpp>
#include <boost/container/flat_set.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>
#include <boost/container/vector.hpp>
#include <boost/optional.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/scoped_ptr.hpp>
#include <boost/smart_ptr/shared_ptr.hpp>
#include <boost/variant.hpp>
#include <string>

void Keep(const void* object);

namespace boosted {

struct Leaf {
  int uses;
  std::string name;
};
inline void intrusive_ptr_add_ref(Leaf* leaf) { ++leaf->uses; }
inline void intrusive_ptr_release(Leaf* leaf) {
  if (--leaf->uses == 0) delete leaf;
}

struct Sample {
  boost::optional<std::string> some = std::string("a value");
  boost::optional<std::string> none;
  boost::optional<int> number = 7;
  boost::variant<int, std::string, double> first = 5;
  boost::variant<int, std::string, double> second = std::string("text");
  boost::container::small_vector<int, 4> inside = {1, 2, 3};
  boost::container::small_vector<std::string, 1> outside = {"a", "b", "and one that is long enough for the heap"};
  boost::container::small_vector<int, 4> empty;
  boost::container::static_vector<int, 4> fixed = {4, 5};
  boost::container::vector<int> plain = {6, 7};
  boost::container::flat_map<int, std::string> map = {{1, "one"}, {2, "two"}};
  boost::container::flat_set<int> set = {3, 1, 2};
  boost::intrusive_ptr<Leaf> intrusive{new Leaf{0, "counted"}};
  boost::intrusive_ptr<Leaf> nothing;
  boost::shared_ptr<Leaf> shared{new Leaf{9, "shared"}};
  boost::scoped_ptr<Leaf> scoped{new Leaf{8, "scoped"}};
};

__attribute__((noinline)) int Probe(const Sample& s) {
  Keep(&s);  // the logpoint
  return static_cast<int>(s.map.size());
}

}  // namespace boosted

int main() {
  const boosted::Sample s;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += boosted::Probe(s);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
