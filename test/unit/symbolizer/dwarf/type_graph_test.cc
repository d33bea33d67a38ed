// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/type_graph.h"

#include <map>

#include "program.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

// The types of main's variables in zoo.cc.
class Zoo {
 public:
  explicit Zoo(const std::string& name) : program_(name), graph_(program_.module(), &table_) {
    const Statement statement = program_.In("zoo.cc", "zoo", "main");
    for (const Variable& variable : VisibleVariables(statement.scope)) {
      types_[variable.name] = graph_.AddTypeOf(variable.die);
    }
  }
  uint32_t Index(const std::string& variable) const {
    INFO(variable);
    REQUIRE(types_.contains(variable));
    return types_.at(variable);
  }
  const v1::Type& Of(const std::string& variable) const { return graph_.at(Index(variable)); }
  TypeGraph& graph() { return graph_; }
  const google::protobuf::RepeatedPtrField<v1::Type>& table() const { return table_; }

 private:
  Program program_;
  google::protobuf::RepeatedPtrField<v1::Type> table_;
  TypeGraph graph_;
  std::map<std::string, uint32_t> types_;
};

std::string AnyZoo() {
  return GENERATE(as<std::string>{}, "zoo.gcc.O0.dwarf4", "zoo.gcc.O0.dwarf5", "zoo.clang.O0.dwarf4",
                  "zoo.clang.O0.dwarf5", "zoo.gcc.O0.typeunits", "zoo.gcc.O0.typeunits4", "zoo.gcc.O2.dwarf5",
                  "zoo.gcc.O2.lto", "split/package4", "split/package5", "split/moved", "zoo.clang.O0.simplenames",
                  "dwz/alt/first", "dwz/alt/second");
}

const v1::Field& FieldNamed(const v1::Type& type, const std::string& name) {
  for (const v1::Field& field : type.fields()) {
    if (field.name() == name) return field;
  }
  FAIL("no field " << name << " in " << type.name());
  return type.fields(0);
}

TEST_CASE("Fundamental types have their kind, size and name") {
  const Zoo zoo(AnyZoo());
  struct Expected {
    const char* variable;
    v1::TypeKind kind;
    uint64_t size;
    const char* name;
  };
  for (const Expected& e : std::initializer_list<Expected>{
           {"boolean", v1::TYPE_BOOL, 1, "bool"},
           {"character", v1::TYPE_CHAR, 1, "char"},
           {"small", v1::TYPE_CHAR, 1, "signed char"},
           {"byte", v1::TYPE_UCHAR, 1, "unsigned char"},
           {"wide16", v1::TYPE_UTF_CHAR, 2, "char16_t"},
           {"wide32", v1::TYPE_UTF_CHAR, 4, "char32_t"},
           {"wide", v1::TYPE_UTF_CHAR, 4, "wchar_t"},
           {"number128", v1::TYPE_SIGNED, 16, "__int128"},
           {"number64", v1::TYPE_UNSIGNED, 8, nullptr},
           {"number16", v1::TYPE_SIGNED, 2, nullptr},
           {"single", v1::TYPE_FLOAT, 4, "float"},
           {"real", v1::TYPE_FLOAT, 8, "double"},
           {"extended", v1::TYPE_FLOAT, 16, "long double"},
       }) {
    INFO(e.variable);
    CHECK(zoo.Of(e.variable).kind() == e.kind);
    CHECK(zoo.Of(e.variable).size() == e.size);
    if (e.name != nullptr) CHECK(zoo.Of(e.variable).name() == e.name);
  }
  CHECK(zoo.table().Get(0).kind() == v1::TYPE_VOID);
}

TEST_CASE("Composed names read like declarations") {
  const Zoo zoo(AnyZoo());
  CHECK(zoo.Of("text").name() == "const char *");
  CHECK(zoo.Of("fixed_pointer").name() == "char * const");
  CHECK(zoo.Of("strings").name() == "const char * const *");
  CHECK(zoo.Of("reference").name() == "int &");
  CHECK(zoo.Of("temporary").name() == "int &&");
  CHECK(zoo.Of("function").name() == "int (*)(int, char **)");
  CHECK(zoo.Of("array_pointer").name() == "int (*)[3]");
  CHECK(zoo.Of("matrix").name() == "int [2][3]");
  CHECK(zoo.Of("member_pointer").name() == "int zoo::Node::*");
  CHECK(zoo.Of("hot").name() == "volatile int");
  CHECK(zoo.Of("string").name() == "std::string");
  CHECK(zoo.Of("vector").name() == "std::vector<zoo::Node>");
  CHECK(zoo.Of("map").name() == "std::map<int, std::string>");
  CHECK(zoo.Of("table").name() == "std::unordered_map<std::string, int>");
  CHECK(zoo.Of("owner").name() == "std::unique_ptr<zoo::Node>");
  CHECK(zoo.Of("view").name() == "std::string_view");
  CHECK(zoo.Of("derived").name() == "zoo::Derived");
}

TEST_CASE("Typedefs and qualifiers keep the kind of what is below") {
  const Zoo zoo(AnyZoo());
  CHECK(zoo.Of("string").kind() == v1::TYPE_STRUCT);
  CHECK(zoo.Of("string").size() == 32);
  CHECK(zoo.Of("string").fields_size() > 0);
  CHECK(zoo.Of("hot").kind() == v1::TYPE_SIGNED);
  CHECK(zoo.Of("fixed_pointer").kind() == v1::TYPE_POINTER);
  CHECK(zoo.Of("null").kind() == v1::TYPE_POINTER);
  CHECK(zoo.Of("null").size() == 8);
}

TEST_CASE("A pointer to a data member names the members that it can point to") {
  const Zoo zoo(AnyZoo());
  const v1::Type& type = zoo.Of("member_pointer");
  CHECK(type.kind() == v1::TYPE_ENUM);
  CHECK(type.size() == 8);
  REQUIRE(type.enumerators_size() == 2);
  CHECK(type.enumerators(0).name() == "nullptr");
  CHECK(type.enumerators(0).value() == -1);
  CHECK(type.enumerators(1).name() == "&zoo::Node::value");
  CHECK(type.enumerators(1).value() == 0);
}

TEST_CASE("A visualizer sees the full name behind a typedef") {
  Zoo zoo(AnyZoo());
  CHECK(zoo.graph().raw_name(zoo.Index("string")).find("std::__cxx11::basic_string<char, std::char_traits<char>") == 0);
  CHECK(zoo.graph().raw_name(zoo.Index("view")).find("std::basic_string_view<char, std::char_traits<char>") == 0);
}

TEST_CASE("Enumerations have values, signs and the flag property") {
  const Zoo zoo(AnyZoo());
  const v1::Type& color = zoo.Of("color");
  CHECK(color.kind() == v1::TYPE_ENUM);
  CHECK(color.name() == "zoo::Color");
  CHECK(color.size() == 1);
  REQUIRE(color.enumerators_size() == 3);
  CHECK(color.enumerators(1).name() == "GREEN");
  CHECK(color.enumerators(2).value() == 200);
  CHECK_FALSE(color.is_signed());
  CHECK_FALSE(color.is_flag_enum());
  CHECK(zoo.Of("flags").is_flag_enum());
  CHECK(zoo.Of("sign").is_signed());
  CHECK(zoo.Of("sign").enumerators(0).value() == -2);
  CHECK_FALSE(zoo.Of("sign").is_flag_enum());
}

TEST_CASE("Bases come first, virtual ones are marked") {
  const Zoo zoo(AnyZoo());
  const v1::Type& derived = zoo.Of("derived");
  REQUIRE(derived.fields_size() == 3);
  CHECK(derived.fields(0).is_base());
  CHECK(derived.fields(0).offset() == 0);
  CHECK(derived.fields(1).is_base());
  CHECK(derived.fields(1).offset() == 16);
  CHECK(zoo.table().Get(static_cast<int>(derived.fields(1).type())).name() == "zoo::Other");
  CHECK(derived.fields(2).name() == "letter");
  CHECK(derived.fields(2).offset() == 24);
  const v1::Type& diamond = zoo.Of("diamond");
  CHECK(diamond.fields(0).is_virtual_base());
  CHECK(FieldNamed(diamond, "own").offset() == 8);
}

TEST_CASE("Bitfields are placed from the least significant bit") {
  const Zoo zoo(AnyZoo());
  const v1::Type& bits = zoo.Of("bits");
  REQUIRE(bits.fields_size() == 4);
  auto position = [](const v1::Field& f) { return f.offset() * 8 + f.bit_offset(); };
  CHECK(position(bits.fields(0)) == 0);
  CHECK(bits.fields(0).bit_size() == 3);
  CHECK(position(bits.fields(1)) == 3);
  CHECK(bits.fields(1).bit_size() == 7);
  CHECK(position(bits.fields(2)) == 10);
  CHECK(bits.fields(2).bit_size() == 40);
  CHECK(position(bits.fields(3)) == 50);
  for (const v1::Field& field : bits.fields()) CHECK(field.bit_offset() < 8);
  CHECK(FieldNamed(zoo.Of("packed"), "i").offset() == 1);
  CHECK(FieldNamed(zoo.Of("packed"), "i").bit_size() == 0);
}

TEST_CASE("Anonymous members are fields without a name, static members are none") {
  const Zoo zoo(AnyZoo());
  const v1::Type& anonymous = zoo.Of("anonymous");
  REQUIRE(anonymous.fields_size() == 2);
  CHECK(anonymous.fields(1).name().empty());
  CHECK(anonymous.fields(1).offset() == 8);
  const v1::Type& inside = zoo.table().Get(static_cast<int>(anonymous.fields(1).type()));
  CHECK(inside.kind() == v1::TYPE_UNION);
  CHECK(inside.fields_size() == 2);
  CHECK(zoo.Of("either").kind() == v1::TYPE_UNION);
}

TEST_CASE("Arrays nest, count and multiply") {
  const Zoo zoo(AnyZoo());
  const v1::Type& matrix = zoo.Of("matrix");
  CHECK(matrix.count() == 2);
  CHECK(matrix.size() == 24);
  const v1::Type& row = zoo.table().Get(static_cast<int>(matrix.target()));
  CHECK(row.kind() == v1::TYPE_ARRAY);
  CHECK(row.count() == 3);
  CHECK(row.size() == 12);
  CHECK(row.name() == "int [3]");
  CHECK(zoo.table().Get(static_cast<int>(row.target())).name() == "int");
}

TEST_CASE("A flexible array has no count") {
  Zoo zoo(AnyZoo());
  const uint32_t pointee = zoo.Of("flexible").target();
  zoo.graph().Expand(pointee);
  const uint32_t data = FieldNamed(zoo.graph().at(pointee), "data").type();
  CHECK(zoo.graph().at(data).kind() == v1::TYPE_ARRAY);
  CHECK(zoo.graph().at(data).count() == 0);
}

TEST_CASE("What is behind a pointer has a name only until it is expanded") {
  Zoo zoo(AnyZoo());
  const v1::Type& node = zoo.Of("node");
  const uint32_t pointer = FieldNamed(node, "next").type();
  CHECK(zoo.graph().at(pointer).target() == zoo.Index("node"));
  const uint32_t holder = zoo.Of("holder").target();
  CHECK(zoo.graph().at(holder).name() == "zoo::Holder");
  CHECK(zoo.graph().at(holder).fields_size() == 0);
  zoo.graph().Expand(holder);
  CHECK(zoo.graph().at(holder).fields_size() == 3);
  const int types = zoo.table().size();
  zoo.graph().Expand(holder);
  CHECK(zoo.graph().at(holder).fields_size() == 3);
  CHECK(zoo.table().size() == types);
}

TEST_CASE("A declaration becomes its definition in another unit") {
  Zoo zoo(AnyZoo());
  const uint32_t holder = zoo.Of("holder").target();
  zoo.graph().Expand(holder);
  const uint32_t hidden = zoo.graph().at(FieldNamed(zoo.graph().at(holder), "hidden").type()).target();
  CHECK(zoo.graph().at(hidden).fields_size() == 0);
  CHECK(zoo.graph().at(hidden).name() == "zoo::Hidden");
  zoo.graph().Expand(hidden);
  CHECK(zoo.graph().at(hidden).kind() == v1::TYPE_STRUCT);
  CHECK(zoo.graph().at(hidden).size() == 4);
  CHECK(zoo.graph().at(hidden).fields(0).name() == "secret");

  const uint32_t impl = zoo.graph().at(FieldNamed(zoo.graph().at(holder), "impl").type()).target();
  zoo.graph().Expand(impl);
  CHECK(zoo.graph().at(impl).name() == "zoo::Holder::Impl");
  CHECK(zoo.graph().at(impl).fields_size() == 2);

  const uint32_t nowhere = zoo.graph().at(FieldNamed(zoo.graph().at(holder), "nowhere").type()).target();
  zoo.graph().Expand(nowhere);
  CHECK(zoo.graph().at(nowhere).kind() == v1::TYPE_OPAQUE);
}

TEST_CASE("Pointers and builtins are made once") {
  Zoo zoo("zoo.gcc.O0.dwarf5");
  TypeGraph& graph = zoo.graph();
  const uint32_t pointer = graph.PointerTo(zoo.Index("node"));
  CHECK(graph.PointerTo(zoo.Index("node")) == pointer);
  CHECK(graph.at(pointer).name() == "zoo::Node *");
  CHECK(graph.at(graph.PointerTo(pointer)).name() == "zoo::Node **");
  CHECK(graph.at(graph.PointerTo(zoo.Index("matrix"))).name() == "int (*)[2][3]");
  CHECK(graph.at(graph.PointerTo(0)).name() == "void *");
  const uint32_t word = graph.Builtin(v1::TYPE_UNSIGNED, 8, "unsigned long");
  CHECK(graph.Builtin(v1::TYPE_UNSIGNED, 8, "unsigned long") == word);
  CHECK(graph.at(word).size() == 8);
}

TEST_CASE("C types carry their tags") {
  const Program program(GENERATE(from_range(Variants("plain"))));
  google::protobuf::RepeatedPtrField<v1::Type> table;
  TypeGraph graph(program.module(), &table);
  const Statement statement = program.In("plain.c", "handle", "handle");
  const uint32_t p = graph.AddTypeOf(VariableNamed(statement.scope, "p").die);
  CHECK(graph.at(p).name() == "struct point *");
  const uint32_t values = graph.AddTypeOf(VariableNamed(statement.scope, "values").die);
  CHECK(graph.at(values).kind() == v1::TYPE_ARRAY);
  CHECK(graph.at(values).count() == 0);
}

}  // namespace
}  // namespace dlog::dwarf
