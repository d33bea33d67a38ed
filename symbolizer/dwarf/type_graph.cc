// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/type_graph.h"

#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_functions.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/type_lookup.h"
#include "symbolizer/dwarf/type_name.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxTypes = 20000;
constexpr uint64_t kPointerSize = 8;
// Objects of this size and above do not exist; the product of hostile dimensions might.
constexpr uint64_t kMaxObjectSize = uint64_t{1} << 47;

// Removes the first `count` "[n]" of a multi-dimensional array's name.
std::string WithoutDimensions(std::string name, size_t count) {
  const size_t begin = name.find('[');
  size_t end = begin;
  for (size_t i = 0; i < count && end < name.size(); ++i) end = name.find(']', end) + 1;
  return begin == std::string::npos ? name : name.erase(begin, end - begin);
}

std::string PointerName(const v1::Type& target) {
  const std::string& name = target.kind() == v1::TYPE_VOID && target.name().empty() ? "void" : target.name();
  const char bracket = target.kind() == v1::TYPE_ARRAY ? '[' : target.kind() == v1::TYPE_FUNCTION ? '(' : '\0';
  if (bracket != '\0') {
    if (const size_t at = name.find(bracket); at != std::string::npos)
      return name.substr(0, at) + "(*)" + name.substr(at);
  }
  return name + (!name.empty() && (name.back() == '*' || name.back() == '&') ? "*" : " *");
}

}  // namespace

struct TypeGraph::Impl {
  struct Entry {
    std::optional<Dwarf_Die> die;
    size_t dimension = 0;  // arrays: how many outer dimensions this entry leaves out
    bool expanded = false;
    bool in_progress = false;
    std::string raw_name;
  };

  Impl(const Module& m, google::protobuf::RepeatedPtrField<v1::Type>* t, const RedactionRules* r)
      : module(m), table(t), rules(r != nullptr ? *r : RedactionRules()) {}

  uint32_t Append(v1::Type type, Entry entry);
  uint32_t AddDie(const std::optional<Dwarf_Die>& die, size_t dimension, bool full);
  void Describe(uint32_t index);
  void Fill(uint32_t index);
  void FillMembers(uint32_t index, const Dwarf_Die& definition);
  void MarkType(uint32_t index);
  void FillComplex(uint32_t index);
  void FillMemberFunctionPointer(uint32_t index, const Dwarf_Die& core, const std::optional<Dwarf_Die>& owner,
                                 const std::string& owner_name);
  void FillArray(uint32_t index, const Dwarf_Die& core, bool full);
  uint32_t Opaque(uint64_t size, const std::string& name);
  std::optional<Dwarf_Die> TemplateArgument(uint32_t index, size_t n) const;

  const Module& module;
  google::protobuf::RepeatedPtrField<v1::Type>* table;
  const RedactionRules rules;
  std::deque<Entry> entries;  // raw_name() hands out references
  std::map<std::pair<const void*, size_t>, uint32_t> by_die;
  std::map<uint32_t, uint32_t> pointers;
  std::map<std::tuple<int, uint64_t, std::string>, uint32_t> builtins;
  int depth = 0;
};

uint32_t TypeGraph::Impl::Append(v1::Type type, Entry entry) {
  *table->Add() = std::move(type);
  entries.push_back(std::move(entry));
  return static_cast<uint32_t>(entries.size() - 1);
}

uint32_t TypeGraph::Impl::Opaque(uint64_t size, const std::string& name) {
  const auto [slot, added] = builtins.try_emplace({v1::TYPE_OPAQUE, size, name});
  if (added) {
    v1::Type type;
    type.set_kind(v1::TYPE_OPAQUE);
    type.set_size(size);
    type.set_name(name);
    slot->second = Append(std::move(type), Entry{std::nullopt, 0, true, false, name});
  }
  return slot->second;
}

uint32_t TypeGraph::Impl::AddDie(const std::optional<Dwarf_Die>& die, size_t dimension, bool full) {
  if (!die.has_value()) return 0;
  auto [slot, added] = by_die.try_emplace({die->addr, dimension});
  if (added) {
    if (table->size() >= kMaxTypes) {
      slot->second = Opaque(0, "(too many types)");
      return slot->second;
    }
    slot->second = Append(v1::Type(), Entry{die, dimension, false, false, ""});
    const uint32_t index = slot->second;  // Describe may add types: `slot` stays valid in a map
    Describe(index);
  }
  const uint32_t index = slot->second;
  if (!full) return index;
  // A type that contains itself by value exists in hostile input only.
  if (entries[index].in_progress) return Opaque(table->Get(index).size(), table->Get(index).name());
  Fill(index);
  return index;
}

// Name, kind, size and what a pointer or reference leads to.
void TypeGraph::Impl::Describe(uint32_t index) {
  if (++depth > kMaxDieDepth) {
    table->Mutable(index)->set_kind(v1::TYPE_OPAQUE);
    entries[index].expanded = true;
    --depth;
    return;
  }
  const Dwarf_Die die = *entries[index].die;
  const std::optional<Dwarf_Die> core = StripTypedefs(die);
  const size_t dimension = entries[index].dimension;
  const std::string name = DisplayTypeName(RawTypeName(module, die));
  table->Mutable(index)->set_name(dimension == 0 ? name : WithoutDimensions(name, dimension));
  entries[index].raw_name = RawTypeName(module, core);
  MarkType(index);
  if (core.has_value()) {
    const v1::TypeKind kind = KindOf(*core);
    table->Mutable(index)->set_kind(kind);
    table->Mutable(index)->set_size(UnsignedOf(*core, DW_AT_byte_size).value_or(0));
    if (kind == v1::TYPE_UTF_CHAR && UnsignedOf(*core, DW_AT_encoding) == DW_ATE_signed) {
      table->Mutable(index)->set_is_signed(true);  // wchar_t
    }
    if (kind == v1::TYPE_POINTER || kind == v1::TYPE_REFERENCE) {
      table->Mutable(index)->set_size(kPointerSize);
      table->Mutable(index)->set_target(AddDie(TypeOf(*core), 0, false));
    } else if (kind == v1::TYPE_ARRAY) {
      FillArray(index, *core, /*full=*/false);
    } else if ((kind == v1::TYPE_STRUCT || kind == v1::TYPE_UNION || kind == v1::TYPE_ENUM) &&
               Own(*core, DW_AT_declaration).has_value()) {
      table->Mutable(index)->set_kind(v1::TYPE_OPAQUE);
    }
  }
  --depth;
}

void TypeGraph::Impl::FillArray(uint32_t index, const Dwarf_Die& core, bool full) {
  const std::vector<uint64_t> dimensions = DimensionsOf(core);
  const size_t dimension = entries[index].dimension;
  if (dimension >= dimensions.size()) return;
  const bool last = dimension + 1 == dimensions.size();
  // An inner dimension is an entry of its own: the same DIE, one dimension less. Typedefs of the array do not matter
  // there.
  const uint32_t element = last ? AddDie(TypeOf(core), 0, full) : AddDie(core, dimension + 1, full);
  v1::Type* type = table->Mutable(index);
  const uint64_t element_size = table->Get(element).size();
  const uint64_t count = dimensions[dimension];
  type->set_target(element);
  type->set_count(count);
  // A DW_AT_byte_size of its own (vectors, clang) is the whole array's.
  type->set_size(element_size != 0 && count <= kMaxObjectSize / element_size ? element_size * count : 0);
}

// The inside, once.
void TypeGraph::Impl::Fill(uint32_t index) {
  if (entries[index].expanded || !entries[index].die.has_value() || depth > kMaxDieDepth) return;
  ++depth;
  entries[index].expanded = true;
  entries[index].in_progress = true;
  const std::optional<Dwarf_Die> core = StripTypedefs(*entries[index].die);
  if (core.has_value() && Tag(*core) == DW_TAG_ptr_to_member_type) {
    const std::optional<Dwarf_Die> owner = ReferenceOf(*core, DW_AT_containing_type);
    const std::string name = owner.has_value() ? DisplayTypeName(QualifiedName(module, *owner)) : std::string("?");
    if (KindOf(*core) == v1::TYPE_ENUM) {
      FillMemberPointer(*core, name, table->Mutable(index));
    } else {
      FillMemberFunctionPointer(index, *core, owner.has_value() ? DefinitionOf(module, *owner) : std::nullopt, name);
    }
  } else if (core.has_value()) {
    switch (KindOf(*core)) {
      case v1::TYPE_ARRAY:
        FillArray(index, *core, /*full=*/true);
        break;
      case v1::TYPE_ENUM:
      case v1::TYPE_STRUCT:
      case v1::TYPE_UNION: {
        if (Tag(*core) == DW_TAG_base_type) {
          FillComplex(index);
          break;
        }
        const std::optional<Dwarf_Die> definition = DefinitionOf(module, *core);
        if (!definition.has_value()) break;
        v1::Type* type = table->Mutable(index);
        type->set_kind(KindOf(*definition));
        type->set_size(UnsignedOf(*definition, DW_AT_byte_size).value_or(0));
        if (type->kind() == v1::TYPE_ENUM) {
          FillEnumeration(*definition, type);
          const uint32_t underlying = AddDie(TypeOf(*definition), 0, false);
          table->Mutable(index)->set_target(underlying);
        } else {
          FillMembers(index, *definition);
        }
        break;
      }
      default:
        break;
    }
  }
  entries[index].in_progress = false;
  --depth;
}

// The real and the imaginary part of a complex number.
void TypeGraph::Impl::FillComplex(uint32_t index) {
  const uint64_t size = table->Get(index).size() / 2;
  const char* name = size == 4 ? "float" : size == 8 ? "double" : "long double";
  const auto [slot, added] = builtins.try_emplace({v1::TYPE_FLOAT, size, name});
  if (added) {
    v1::Type part;
    part.set_kind(v1::TYPE_FLOAT);
    part.set_size(size);
    part.set_name(name);
    slot->second = Append(std::move(part), Entry{std::nullopt, 0, true, false, name});
  }
  const uint32_t part = slot->second;
  for (const char* member : {"real", "imag"}) {
    v1::Field* field = table->Mutable(static_cast<int>(index))->add_fields();
    field->set_name(member);
    field->set_type(part);
    field->set_offset(member[0] == 'r' ? 0 : size);
  }
}

// Itanium C++ ABI 2.3.2: the address of a function or, odd, one plus its offset in the vtable; then what is added to
// `this`.
void TypeGraph::Impl::FillMemberFunctionPointer(uint32_t index, const Dwarf_Die& core,
                                                const std::optional<Dwarf_Die>& owner, const std::string& owner_name) {
  constexpr uint64_t kSize = 16;
  const auto append = [this](v1::Type type) {
    const std::string name = type.name();
    return Append(std::move(type), Entry{std::nullopt, 0, true, false, name});
  };
  const std::string name = table->Get(static_cast<int>(index)).name();
  v1::Type pointer;
  pointer.set_kind(v1::TYPE_POINTER);
  pointer.set_size(kPointerSize);
  pointer.set_name(name);
  pointer.set_target(AddDie(TypeOf(core), 0, false));
  v1::Type slot;
  slot.set_name(name);
  if (owner.has_value()) FillVirtualFunctions(*owner, owner_name, &slot);
  slot.set_kind(v1::TYPE_ENUM);
  slot.set_size(kPointerSize);
  v1::Type adjustment;
  adjustment.set_kind(v1::TYPE_SIGNED);
  adjustment.set_size(kPointerSize);
  adjustment.set_name("long");
  const uint32_t functions[] = {append(std::move(pointer)), append(std::move(slot))};
  const uint32_t adjustment_type = append(std::move(adjustment));

  v1::Node self;
  self.set_self(true);
  const v1::Node first = LoadNode(self, kPointerSize);
  const v1::Node second = LoadNode(BinaryNode(v1::OP_ADD, self, ConstantNode(kPointerSize)), kPointerSize);
  // Bit 0: virtual; bit 1: `this` is adjusted, which only then is worth showing.
  const v1::Node negated = BinaryNode(v1::OP_SUB, ConstantNode(0), second);
  v1::Node adjusted = BinaryNode(v1::OP_SHR, BinaryNode(v1::OP_OR, second, negated), ConstantNode(62));
  adjusted = BinaryNode(v1::OP_AND, std::move(adjusted), ConstantNode(2));
  v1::Shape shape;
  shape.set_kind(v1::Shape::VARIANT);
  *shape.mutable_engaged() = BinaryNode(v1::OP_OR, BinaryNode(v1::OP_AND, first, ConstantNode(1)), std::move(adjusted));
  for (const bool with_adjustment : {false, true}) {
    for (const uint32_t function : functions) {
      uint32_t part = function;
      if (with_adjustment) {
        v1::Type whole;
        whole.set_kind(v1::TYPE_STRUCT);
        whole.set_size(kSize);
        whole.set_name(name);
        for (const uint32_t type : {function, adjustment_type}) {
          v1::Field* field = whole.add_fields();
          field->set_name(type == function ? "function" : "this_adjustment");
          field->set_type(type);
          field->set_offset(type == function ? 0 : kPointerSize);
        }
        part = append(std::move(whole));
      }
      v1::Node* value = shape.add_parts()->mutable_value();
      *value = MemoryNode(self);
      value->set_type(part);
    }
  }
  v1::Type* type = table->Mutable(static_cast<int>(index));
  type->set_size(kSize);
  *type->mutable_shape() = std::move(shape);
}

void TypeGraph::Impl::FillMembers(uint32_t index, const Dwarf_Die& definition) {
  std::optional<std::vector<MemberLayout>> members = MembersOf(definition);
  if (!members.has_value()) {
    table->Mutable(index)->set_kind(v1::TYPE_OPAQUE);
    return;
  }
  for (MemberLayout& member : *members) {
    member.field.set_type(AddDie(TypeOf(member.die), 0, /*full=*/true));
    if (const auto rule = rules.ForName(member.field.name(), table->Get(static_cast<int>(index)).name())) {
      member.field.set_redacted("its name matches '" + *rule + "'");
    }
    *table->Mutable(static_cast<int>(index))->add_fields() = std::move(member.field);
  }
  if (rules.active()) MarkSharedBytes(table, index);
}

// By its own name, or by that of the class that it is a typedef of.
void TypeGraph::Impl::MarkType(uint32_t index) {
  auto rule = rules.ForType(table->Get(static_cast<int>(index)).name());
  if (!rule) rule = rules.ForType(entries[index].raw_name);
  if (rule) table->Mutable(static_cast<int>(index))->set_redacted("its type matches '" + *rule + "'");
}

TypeGraph::TypeGraph(const Module& module, google::protobuf::RepeatedPtrField<v1::Type>* table,
                     const RedactionRules* rules)
    : impl_(std::make_unique<Impl>(module, table, rules)) {
  table->Clear();
  v1::Type type;
  type.set_name("void");
  impl_->Append(std::move(type), Impl::Entry{std::nullopt, 0, true, false, "void"});
}

TypeGraph::~TypeGraph() = default;

uint32_t TypeGraph::Add(const Dwarf_Die& type) { return impl_->AddDie(ThroughSignature(type), 0, true); }

uint32_t TypeGraph::AddTypeOf(const Dwarf_Die& die) { return impl_->AddDie(TypeOf(die), 0, true); }

void TypeGraph::Expand(uint32_t index) {
  if (index < impl_->entries.size()) impl_->Fill(index);
}

std::optional<Dwarf_Die> TypeGraph::Impl::TemplateArgument(uint32_t index, size_t n) const {
  if (index >= entries.size() || !entries[index].die.has_value()) return std::nullopt;
  const std::optional<Dwarf_Die> core = StripTypedefs(*entries[index].die);
  if (!core.has_value()) return std::nullopt;
  // A declaration may have no arguments of its own.
  const std::optional<Dwarf_Die> definition = DefinitionOf(module, *core);
  std::optional<Dwarf_Die> found;
  size_t left = n;
  const auto visit = [&](const auto& self, const Dwarf_Die& parent, int level) -> void {
    ForEachChild(parent, [&](const Dwarf_Die& child) {
      const int tag = Tag(child);
      if (tag == DW_TAG_GNU_template_parameter_pack && level == 0) self(self, child, 1);
      if (tag != DW_TAG_template_type_parameter && tag != DW_TAG_template_value_parameter &&
          tag != DW_TAG_GNU_template_template_param) {
        return !found.has_value();
      }
      if (left-- == 0) found = child;
      return !found.has_value();
    });
  };
  visit(visit, definition.value_or(*core), 0);
  return found;
}

std::optional<uint32_t> TypeGraph::TemplateType(uint32_t index, size_t n) {
  const std::optional<Dwarf_Die> argument = impl_->TemplateArgument(index, n);
  if (argument.has_value()) {
    return Tag(*argument) == DW_TAG_template_type_parameter ? std::optional(AddTypeOf(*argument)) : std::nullopt;
  }
  // gcc does not describe the arguments of declarations and of some definitions (std::allocator) but by the name.
  const std::optional<Dwarf_Die> core = StripTypedefs(DieOf(index));
  if (!core.has_value() || impl_->TemplateArgument(index, 0).has_value()) return std::nullopt;
  const std::optional<Dwarf_Die> named = ClassInName(impl_->module, NameOf(*core), n);
  return named.has_value() ? std::optional(Add(*named)) : std::nullopt;
}

std::optional<int64_t> TypeGraph::TemplateValue(uint32_t index, size_t n) {
  const std::optional<Dwarf_Die> argument = impl_->TemplateArgument(index, n);
  if (!argument.has_value() || Tag(*argument) != DW_TAG_template_value_parameter) return std::nullopt;
  return EnumeratorValue(*argument);
}

std::vector<TypeGraph::Maker> TypeGraph::MakersNamed(std::string_view part,
                                                     const std::function<bool(const std::string&)>& matches) {
  std::vector<Maker> out;
  for (const TypeFunction& found : TypeFunctionsNamed(impl_->module, part, matches)) {
    out.push_back({found.function, AddTypeOf(found.argument)});
  }
  return out;
}

uint32_t TypeGraph::PointerTo(uint32_t index) {
  const auto [slot, added] = impl_->pointers.try_emplace(index);
  if (added) {
    v1::Type type;
    type.set_kind(v1::TYPE_POINTER);
    type.set_size(kPointerSize);
    type.set_target(index);
    type.set_name(PointerName(at(index)));
    const std::string name = type.name();
    slot->second = impl_->Append(std::move(type), Impl::Entry{std::nullopt, 0, true, false, name});
  }
  return slot->second;
}

uint32_t TypeGraph::Builtin(v1::TypeKind kind, uint64_t size, std::string_view name) {
  const auto [slot, added] = impl_->builtins.try_emplace({kind, size, std::string(name)});
  if (added) {
    v1::Type type;
    type.set_kind(kind);
    type.set_size(size);
    type.set_name(std::string(name));
    slot->second = impl_->Append(std::move(type), Impl::Entry{std::nullopt, 0, true, false, std::string(name)});
  }
  return slot->second;
}

uint32_t TypeGraph::ArrayOf(uint32_t element, uint64_t count) {
  const std::string name = at(element).name() + " [" + std::to_string(count) + "]";
  const auto [slot, added] = impl_->builtins.try_emplace({v1::TYPE_ARRAY, count, std::to_string(element)});
  if (added) {
    v1::Type type;
    type.set_kind(v1::TYPE_ARRAY);
    type.set_target(element);
    type.set_count(count);
    const uint64_t size = at(element).size();
    if (size != 0 && count <= kMaxObjectSize / size) type.set_size(size * count);
    type.set_name(name);
    slot->second = impl_->Append(std::move(type), Impl::Entry{std::nullopt, 0, true, false, name});
  }
  return slot->second;
}

uint32_t TypeGraph::WithCount(uint32_t array, const v1::Node& count) {
  const auto [slot, added] =
      impl_->builtins.try_emplace({v1::TYPE_ARRAY, array, "computed " + count.SerializeAsString()});
  if (added) {
    v1::Type type = at(array);
    *type.mutable_shape()->mutable_size() = count;
    slot->second = impl_->Append(std::move(type), Impl::Entry{std::nullopt, 0, true, false, raw_name(array)});
  }
  return slot->second;
}

std::optional<uint32_t> TypeGraph::NamedNear(uint32_t near, std::string_view name) {
  const std::optional<Dwarf_Die> die = DieOf(near);
  if (!die.has_value()) return std::nullopt;
  FunctionScope scope = {};
  Dwarf_Die inside = *die;
  if (dwarf_diecu(&inside, &scope.unit, nullptr, nullptr) == nullptr) return std::nullopt;
  scope.die = *die;
  // Its own members are not among what FindType looks through for a class.
  std::optional<Dwarf_Die> found = FindType(impl_->module, scope, std::string(NameOf(*die)) + "::" + std::string(name));
  if (!found.has_value()) found = FindType(impl_->module, scope, name);
  return found.has_value() ? std::optional(Add(*found)) : std::nullopt;
}

std::optional<Dwarf_Die> TypeGraph::DieOf(uint32_t index) const { return impl_->entries[index].die; }

uint32_t TypeGraph::WithShape(uint32_t type, const v1::Shape& shape) {
  const auto [slot, added] = impl_->builtins.try_emplace({v1::TYPE_STRUCT, type, shape.SerializeAsString()});
  if (added) {
    v1::Type out = at(type);
    out.set_kind(v1::TYPE_STRUCT);
    *out.mutable_shape() = shape;
    slot->second = impl_->Append(std::move(out), Impl::Entry{std::nullopt, 0, true, false, raw_name(type)});
  }
  return slot->second;
}

uint32_t TypeGraph::ReferenceTo(uint32_t reference, uint32_t target) {
  const auto [slot, added] = impl_->builtins.try_emplace({v1::TYPE_REFERENCE, reference, std::to_string(target)});
  if (added) {
    v1::Type out = at(reference);
    out.set_target(target);
    slot->second = impl_->Append(std::move(out), Impl::Entry{std::nullopt, 0, true, false, raw_name(reference)});
  }
  return slot->second;
}

const v1::Type& TypeGraph::at(uint32_t index) const { return impl_->table->Get(static_cast<int>(index)); }
v1::Type* TypeGraph::mutable_at(uint32_t index) { return impl_->table->Mutable(static_cast<int>(index)); }
const RedactionRules& TypeGraph::redaction() const { return impl_->rules; }
bool TypeGraph::HidesBytes(uint32_t type) const {
  return impl_->rules.active() && dwarf::HidesBytes(*impl_->table, type);
}
std::vector<ByteRange> TypeGraph::VisibleBytes(uint32_t type) const { return dwarf::VisibleBytes(*impl_->table, type); }
std::vector<ByteRange> TypeGraph::HiddenBytes(uint32_t type) const { return dwarf::HiddenBytes(*impl_->table, type); }
const std::string& TypeGraph::raw_name(uint32_t index) const { return impl_->entries[index].raw_name; }

}  // namespace dlog::dwarf
