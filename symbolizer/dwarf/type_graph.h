// SPDX-License-Identifier: Apache-2.0
//
// DWARF types -> the plan's type table. The plan stage works on this table only; it never sees a type DIE.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "plan.pb.h"
#include "symbolizer/base/redaction_rules.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/visible_bytes.h"

namespace dlog::dwarf {

// Types are added on demand and named once; indices stay valid. types[0] is void.
// Typedefs and cv-qualifiers get an entry of their own with the target's content and their own name ("std::string",
// "const shop::Order"): kind is always that of the underlying type.
// Limits (kMaxTypes, kMaxFields) turn what is beyond them into TYPE_OPAQUE.
class TypeGraph {
 public:
  // `rules` may be null: nothing is redacted. Types and fields that they match are marked when they get into the table.
  TypeGraph(const Module& module, google::protobuf::RepeatedPtrField<v1::Type>* table,
            const RedactionRules* rules = nullptr);
  ~TypeGraph();

  // Adds the type with everything that lies inside its objects (members, bases, elements). What is behind pointers is
  // added by name, kind and size only.
  uint32_t Add(const Dwarf_Die& type);
  // The type of a variable, parameter, member or enumeration DIE (DW_AT_type, through abstract origins); void if none.
  uint32_t AddTypeOf(const Dwarf_Die& die);
  // Fills in the members of a type that was added by name only (and its inside). A declaration is replaced by its
  // definition in any unit. Idempotent.
  void Expand(uint32_t index);

  // The `n`th template argument of a class, parameter packs taken apart: a type, or the value of a constant. None when
  // it has no such argument, or the debug information does not say.
  std::optional<uint32_t> TemplateType(uint32_t index, size_t n);
  std::optional<int64_t> TemplateValue(uint32_t index, size_t n);

  // The type that `name` means where the class `near` is declared, its own members first. None when the unit of that
  // class knows no such type.
  std::optional<uint32_t> NamedNear(uint32_t near, std::string_view name);

  // The DIE that a type was added for; none for those that were made here.
  std::optional<Dwarf_Die> DieOf(uint32_t index) const;

  // The type `type` as a class that shows its objects as what `shape` (a VARIANT of which the first part is the class
  // itself) takes them for; the same with a reference to it.
  uint32_t WithShape(uint32_t type, const v1::Shape& shape);
  uint32_t ReferenceTo(uint32_t reference, uint32_t target);

  // The functions of the binary with such a name (without parameters), each with the first template argument of its
  // class. `part` is in all those names. Those that share their code are left out.
  struct Maker {
    LinkAddress function;
    uint32_t type;
  };
  std::vector<Maker> MakersNamed(std::string_view part, const std::function<bool(const std::string&)>& matches);

  uint32_t PointerTo(uint32_t index);
  uint32_t ArrayOf(uint32_t element, uint64_t count);
  // The array type `array`, of which the number of elements is only known at the hit.
  uint32_t WithCount(uint32_t array, const v1::Node& count);
  // A fundamental type that need not exist in the binary: "bool", "int", "unsigned long", "double", ...
  uint32_t Builtin(v1::TypeKind kind, uint64_t size, std::string_view name);

  const v1::Type& at(uint32_t index) const;
  v1::Type* mutable_at(uint32_t index);
  // Without rules when there are none.
  const RedactionRules& redaction() const;
  // Bytes of an object of `type` that must not be captured exist; those that may be (visible_bytes.h).
  bool HidesBytes(uint32_t type) const;
  std::vector<ByteRange> VisibleBytes(uint32_t type) const;
  std::vector<ByteRange> HiddenBytes(uint32_t type) const;
  // Qualified name exactly as DWARF spells it, default template arguments included: what visualizers match.
  const std::string& raw_name(uint32_t index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "std::vector<shop::Item, std::allocator<shop::Item> >" -> "std::vector<shop::Item>",
// "std::__cxx11::basic_string<char, ...>" -> "std::string".
std::string DisplayTypeName(std::string_view raw_name);

}  // namespace dlog::dwarf
