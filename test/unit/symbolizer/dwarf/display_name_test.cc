// SPDX-License-Identifier: Apache-2.0

#include "symbolizer/dwarf/type_graph.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

struct Golden {
  const char* raw;
  const char* shown;
};

TEST_CASE("Type names are shown as a programmer writes them") {
  const Golden golden = GENERATE(values<Golden>({
      {"int", "int"},
      {"const char *", "const char *"},
      {"int (*)(int)", "int (*)(int)"},
      {"std::vector<shop::Item, std::allocator<shop::Item> >", "std::vector<shop::Item>"},
      {"std::vector<shop::Item, std::allocator<shop::Item> > &", "std::vector<shop::Item> &"},
      {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string"},
      {"std::__1::basic_string<char, std::__1::char_traits<char>, std::__1::allocator<char>>", "std::string"},
      {"std::__cxx11::basic_string<wchar_t, std::char_traits<wchar_t>, std::allocator<wchar_t> >", "std::wstring"},
      {"std::basic_string_view<char, std::char_traits<char> >", "std::string_view"},
      {"std::map<int, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, std::less<int>, "
       "std::allocator<std::pair<int const, std::__cxx11::basic_string<char, std::char_traits<char>, "
       "std::allocator<char> > > > >",
       "std::map<int, std::string>"},
      {"std::unordered_map<int, long, std::hash<int>, std::equal_to<int>, std::allocator<std::pair<int const, long> > "
       ">",
       "std::unordered_map<int, long>"},
      {"std::unique_ptr<Order, std::default_delete<Order> >", "std::unique_ptr<Order>"},
      {"std::unique_ptr<Order, MyDelete>", "std::unique_ptr<Order, MyDelete>"},
      {"std::set<int, std::greater<int>, std::allocator<int> >", "std::set<int, std::greater<int>>"},
      {"std::vector<int, MyAllocator<int> >", "std::vector<int, MyAllocator<int>>"},
      {"std::priority_queue<int, std::vector<int, std::allocator<int> >, std::less<int> >", "std::priority_queue<int>"},
      {"std::vector<std::allocator<int>, std::allocator<std::allocator<int> > >", "std::vector<std::allocator<int>>"},
      {"my::vector<int, std::allocator<int> >", "my::vector<int, std::allocator<int>>"},
      {"std::pair<int, std::less<int> >", "std::pair<int, std::less<int>>"},
      {"std::function<void (std::vector<int, std::allocator<int> > const&)>",
       "std::function<void (std::vector<int> const&)>"},
      {"std::array<char, 4>", "std::array<char, 4>"},
      {"A<(B)1>", "A<(B)1>"},
      {"main()::<lambda(int)>", "main()::<lambda(int)>"},
      {"broken<int", "broken<int"},
      {"std::basic_ostream<char, std::char_traits<char> > &", "std::ostream &"},
      {"std::vector<int, std::allocator<int> >::const_iterator", "std::vector<int>::const_iterator"},
  }));
  CHECK(DisplayTypeName(golden.raw) == golden.shown);
}

TEST_CASE("Endless template nesting ends") {
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "A<";
  CHECK(DisplayTypeName(deep) == deep);
  CHECK_FALSE(DisplayTypeName(deep + std::string(2000, '>')).empty());
}

}  // namespace
}  // namespace dlog::dwarf
