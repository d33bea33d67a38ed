// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/names.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

TEST_CASE("Mangled names are shown demangled and without clone suffixes") {
  CHECK(Demangle("_ZNK4shop5Order5totalEi") == "shop::Order::total(int) const");
  CHECK(Demangle("_ZNK4shop5Order5totalEi.constprop.0") == "shop::Order::total(int) const");
  CHECK(Demangle("plain") == "plain");
  CHECK(Demangle("_Zbroken") == "_Zbroken");
  CHECK(Demangle("_ZN1a6handle17h12aa003587dde1f3E") == "a::handle");  // rustc
  CHECK(Demangle("_ZN1a6handle17h12aa003587dde1fxE") == "a::handle::h12aa003587dde1fx");
}

TEST_CASE("The base name is what stands before the parameters") {
  CHECK(BaseName("shop::Order::total(int) const") == "total");
  CHECK(BaseName("int shop::Largest<int>(int, int)") == "Largest");
  CHECK(BaseName("main") == "main");
  CHECK(BaseName("std::vector<a::b, c::d>::push_back(a::b const&)") == "push_back");
  CHECK(BaseName("(anonymous namespace)::helper(int)") == "helper");
  CHECK(BaseName("A::operator()(int) const") == "operator()");
  CHECK(BaseName("operator<<(std::ostream&, A const&)") == "operator<<");
  CHECK(BaseName("A::operator bool() const") == "operator bool");
  CHECK(BaseName("shop::Order::~Order()") == "~Order");
  CHECK(BaseName("main::{lambda(int)#1}::operator()(int) const") == "operator()");
  CHECK(BaseName("void f<&(g(int))>(int)") == "f");
}

TEST_CASE("Parameters and template arguments can be taken off") {
  CHECK(WithoutParameters("int shop::Largest<int>(int, int)") == "shop::Largest<int>");
  CHECK(WithoutParameters("std::pair<int, long> f<int>(int)") == "f<int>");
  CHECK(WithoutParameters("A::operator()(int) const") == "A::operator()");
  CHECK(WithoutTemplateArguments("a<b<c>, d>::e<f>") == "a::e");
  CHECK(WithoutTemplateArguments("A::operator<") == "A::operator<");
  CHECK(WithoutTemplateArguments("A::operator->") == "A::operator->");
}

TEST_CASE("A function is called by its name, any qualified suffix, and optionally its parameters") {
  const char* total = "shop::Order::total(int) const";
  CHECK(NameMatches(total, "total"));
  CHECK(NameMatches(total, "Order::total"));
  CHECK(NameMatches(total, "shop::Order::total"));
  CHECK(NameMatches(total, "::shop::Order::total"));
  CHECK(NameMatches(total, "Order::total(int)"));
  CHECK(NameMatches(total, "Order::total(int) const"));
  CHECK_FALSE(NameMatches(total, "Order::total(long)"));
  CHECK_FALSE(NameMatches(total, "otal"));
  CHECK_FALSE(NameMatches(total, "rder::total"));
  CHECK_FALSE(NameMatches(total, "Other::total"));
}

TEST_CASE("ABI tags are part of a name only for who writes them") {
  const char* text = "shop::Order::text[abi:cxx11](int) const";
  CHECK(NameMatches(text, "text"));
  CHECK(NameMatches(text, "Order::text(int)"));
  CHECK(NameMatches(text, "Order::text[abi:cxx11]"));
  CHECK_FALSE(NameMatches(text, "Order::text[abi:v2]"));
}

TEST_CASE("Template arguments are optional, but when given they count") {
  const char* largest = "int shop::Largest<int>(int, int)";
  CHECK(NameMatches(largest, "Largest"));
  CHECK(NameMatches(largest, "shop::Largest<int>"));
  CHECK(NameMatches(largest, "Largest(int, int)"));
  CHECK(NameMatches(largest, "Largest<int>(int,int)"));
  CHECK_FALSE(NameMatches(largest, "Largest<long>"));
  CHECK(NameMatches("std::vector<int, std::allocator<int> >::push_back(int&&)", "vector::push_back"));
  CHECK(NameMatches("std::vector<int, std::allocator<int> >::push_back(int&&)",
                    "vector<int, std::allocator<int>>::push_back"));
}

TEST_CASE("Operators are names") {
  CHECK(NameMatches("A::operator()(int) const", "operator()"));
  CHECK(NameMatches("A::operator()(int) const", "A::operator()(int)"));
  CHECK(NameMatches("operator<<(std::ostream&, A const&)", "operator<<"));
  CHECK_FALSE(NameMatches("operator<<(std::ostream&, A const&)", "operator<"));
  CHECK(NameMatches("A::operator bool() const", "A::operator bool"));
}

}  // namespace
}  // namespace dlog::dwarf
