// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/return_value.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/type_layout.h"

namespace dlog::dwarf {
namespace {

constexpr uint32_t kRax = 0;
constexpr uint32_t kRdx = 1;
constexpr uint64_t kWord = 8;
constexpr uint64_t kMostInRegisters = 16;
constexpr int kMaxNesting = 64;

enum class Class { kNone, kInteger, kSse };

// How an object is passed that is told by the class itself.
enum class Passing { kUnknown, kByValue, kByReference };

std::string_view WithoutArguments(std::string_view name) { return name.substr(0, name.find('<')); }

// Parameters of a member function besides `this`.
std::vector<Dwarf_Die> ParametersOf(const Dwarf_Die& function) {
  std::vector<Dwarf_Die> out;
  ForEachChild(function, [&](const Dwarf_Die& child) {
    if (Tag(child) == DW_TAG_formal_parameter && !FlagOf(child, DW_AT_artificial)) out.push_back(child);
    return true;
  });
  return out;
}

bool IsReferenceTo(const Dwarf_Die& parameter, std::string_view class_name) {
  const auto reference = StripTypedefs(TypeOf(parameter));
  if (!reference.has_value()) return false;
  if (Tag(*reference) != DW_TAG_reference_type && Tag(*reference) != DW_TAG_rvalue_reference_type) return false;
  const auto target = StripTypedefs(TypeOf(*reference));
  return target.has_value() && class_name == NameOf(ThroughSignature(*target));
}

// What a declared member function says of its class: a destructor, copy or move constructor that the user has written
// makes it go by reference. Those that were deleted, or have further parameters, leave it open.
Passing PassingBy(const Dwarf_Die& function, std::string_view class_name) {
  const std::string_view name = NameOf(function);
  const bool destroys = name.starts_with('~');
  const std::vector<Dwarf_Die> parameters = ParametersOf(function);
  if (!destroys) {
    const bool constructs = WithoutArguments(name) == WithoutArguments(class_name);
    if (!constructs || parameters.empty() || !IsReferenceTo(parameters[0], class_name)) return Passing::kByValue;
  }
  if (FlagOf(function, DW_AT_artificial)) return Passing::kByValue;
  if (UnsignedOf(function, DW_AT_defaulted) == uint64_t{DW_DEFAULTED_in_class}) return Passing::kByValue;
  const bool open = FlagOf(function, DW_AT_deleted) || (!destroys && parameters.size() > 1);
  return open ? Passing::kUnknown : Passing::kByReference;
}

std::string_view ProducerOf(const Dwarf_Die& unit) {
  const auto attribute = Own(unit, DW_AT_producer);
  Dwarf_Attribute copy = attribute.value_or(Dwarf_Attribute{});
  const char* text = attribute.has_value() ? dwarf_formstring(&copy) : nullptr;
  return text == nullptr ? "" : text;
}

// The number behind `name` in the producer's text; 0 when it is another compiler.
int VersionAfter(std::string_view producer, std::string_view name) {
  const size_t at = producer.find(name);
  return at == std::string_view::npos ? 0 : std::atoi(std::string(producer.substr(at + name.size())).c_str());
}

// "GNU C++17 12.2.0 -mtune=generic ...": 12.
int GnuVersion(std::string_view producer) {
  constexpr std::string_view kGnu = "GNU C";
  if (!producer.starts_with(kGnu)) return 0;
  return VersionAfter(producer.substr(kGnu.size()), " ");
}

// Whether the compiler says which of the functions in a class were defaulted there.
bool TellsDefaulted(const Dwarf_Die& unit) {
  constexpr int kFirst = 8;
  const std::string_view producer = ProducerOf(unit);
  return GnuVersion(producer) >= kFirst && producer.find("-gstrict-dwarf") == std::string_view::npos;
}

// Of a C++ class whose debug information does not say it itself.
Passing PassingByMembers(const Dwarf_Die& definition) {
  // Where a class has its vtable pointer from, itself included.
  if (Own(definition, DW_AT_containing_type).has_value()) return Passing::kByReference;
  const bool told = TellsDefaulted(UnitOf(definition));
  Passing passing = Passing::kByValue;
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    if (Tag(child) != DW_TAG_subprogram) return true;
    const Passing by_this = PassingBy(child, NameOf(definition));
    if (by_this != Passing::kByValue) passing = told ? by_this : Passing::kUnknown;
    return passing != Passing::kByReference;
  });
  return passing;
}

// Of a class: DW_AT_calling_convention where the compiler has written it; else by value where nothing speaks against.
Passing PassingOf(const Dwarf_Die& type) {
  const auto core = StripTypedefs(type);
  if (!core.has_value()) return Passing::kUnknown;
  const Dwarf_Die definition = ThroughSignature(*core);
  if (const auto convention = UnsignedOf(definition, DW_AT_calling_convention); convention.has_value()) {
    if (*convention == DW_CC_pass_by_value) return Passing::kByValue;
    return *convention == DW_CC_pass_by_reference ? Passing::kByReference : Passing::kUnknown;
  }
  const int tag = Tag(definition);
  const bool is_class = tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
  if (!is_class || IsC(UnitOf(definition))) return Passing::kByValue;
  return FlagOf(definition, DW_AT_declaration) ? Passing::kUnknown : PassingByMembers(definition);
}

bool IsVectorType(const TypeGraph& types, uint32_t type) {
  const auto die = types.DieOf(type);
  const auto core = die.has_value() ? StripTypedefs(*die) : std::nullopt;
  return core.has_value() && Tag(*core) == DW_TAG_array_type && FlagOf(*core, DW_AT_GNU_vector);
}

bool IsBaseType(const TypeGraph& types, uint32_t type) {
  const auto die = types.DieOf(type);
  const auto core = die.has_value() ? StripTypedefs(*die) : std::nullopt;
  return core.has_value() && Tag(*core) == DW_TAG_base_type;
}

absl::Status Uncaptured(std::string_view what) {
  return absl::UnimplementedError(fmt::format("the value is returned {}, which cannot be captured", what));
}

absl::Status X87() { return Uncaptured("in the x87 register st(0)"); }

// The classes of the two eightbytes of an object of at most 16 bytes.
class Classifier {
 public:
  explicit Classifier(TypeGraph* types) : types_(*types) {}

  absl::Status Add(uint32_t type, uint64_t offset, int depth) {
    if (depth > kMaxNesting || offset > kMostInRegisters) return Unknown("is nested too deeply");
    types_.Expand(type);
    const v1::Type t = types_.at(type);
    switch (t.kind()) {
      case v1::TYPE_FLOAT:
        if (t.size() > kWord) return X87();
        return Scalar(offset, t.size(), Class::kSse);
      case v1::TYPE_STRUCT:
      case v1::TYPE_UNION:
        return Members(type, t, offset, depth);
      case v1::TYPE_ARRAY:
        return Elements(type, t, offset, depth);
      case v1::TYPE_OPAQUE:
      case v1::TYPE_FUNCTION:
      case v1::TYPE_VOID:
        return Unknown(
            absl::StrCat("has a part of type '", t.name(), "', of which the debug information does not say enough"));
      default:
        return Scalar(offset, t.size(), Class::kInteger);
    }
  }

  bool in_memory() const { return in_memory_; }
  Class word(size_t n) const { return words_[n]; }

 private:
  static absl::Status Unknown(std::string_view why) {
    return absl::UnimplementedError(fmt::format("how the value is returned is not known: it {}", why));
  }

  absl::Status Scalar(uint64_t offset, uint64_t size, Class what) {
    if (size == 0 || size > kMostInRegisters) return Unknown("has a part of unknown size");
    // Objects with unaligned parts are in memory.
    if (offset % size != 0) in_memory_ = true;
    return Merge(offset, size, what);
  }

  absl::Status Merge(uint64_t offset, uint64_t size, Class what) {
    if (size > kMostInRegisters || offset > kMostInRegisters - size) return Unknown("has a part outside of itself");
    for (uint64_t n = offset / kWord; n * kWord < offset + size; ++n) {
      if (words_[n] != Class::kInteger) words_[n] = what;
    }
    return absl::OkStatus();
  }

  absl::Status Members(uint32_t type, const v1::Type& t, uint64_t offset, int depth) {
    const auto die = types_.DieOf(type);
    const Passing passing = die.has_value() ? PassingOf(*die) : Passing::kUnknown;
    if (passing == Passing::kByReference) in_memory_ = true;
    if (passing == Passing::kUnknown) {
      return Unknown(absl::StrCat("has a class, '", t.name(),
                                  "', that the debug information does not tell to be trivial to copy"));
    }
    for (const v1::Field& field : t.fields()) {
      const uint64_t at = offset + field.offset();
      if (field.is_virtual_base()) {
        in_memory_ = true;
      } else if (field.bit_size() != 0) {
        const uint64_t bits = field.bit_offset() + uint64_t{field.bit_size()};
        if (absl::Status s =
                Merge(at + field.bit_offset() / 8, (bits + 7) / 8 - field.bit_offset() / 8, Class::kInteger);
            !s.ok()) {
          return s;
        }
      } else if (absl::Status s = Add(field.type(), at, depth + 1); !s.ok()) {
        return s;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Elements(uint32_t type, const v1::Type& t, uint64_t offset, int depth) {
    if (IsVectorType(types_, type)) return Uncaptured("in parts of vector registers");
    const uint64_t size = types_.at(t.target()).size();
    if (size == 0 || t.count() == 0) return absl::OkStatus();  // without content
    for (uint64_t i = 0; i < t.count(); ++i) {
      if (absl::Status s = Add(t.target(), offset + i * size, depth + 1); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  TypeGraph& types_;
  std::array<Class, 2> words_ = {Class::kNone, Class::kNone};
  bool in_memory_ = false;
};

// An object of more than two eightbytes whose only content is one wide vector travels in that register.
bool StartsWithVector(TypeGraph* types, uint32_t type) {
  for (int depth = 0; depth < kMaxNesting; ++depth) {
    types->Expand(type);
    if (IsVectorType(*types, type)) return true;
    const v1::Type& t = types->at(type);
    if (t.kind() == v1::TYPE_ARRAY && t.count() == 1) {
      type = t.target();
    } else if ((t.kind() == v1::TYPE_STRUCT || t.kind() == v1::TYPE_UNION) && t.fields_size() > 0) {
      type = t.fields(t.fields_size() - 1).type();
    } else {
      return false;
    }
  }
  return true;
}

v1::Node InRegisters(const Classifier& classes, uint64_t size, const std::function<v1::Node(uint32_t)>& word) {
  static constexpr uint32_t kIntegers[] = {kRax, kRdx};
  size_t integers = 0;
  uint32_t vectors = 0;
  v1::Node out;
  for (uint64_t n = 0; n * kWord < size; ++n) {
    v1::Composite::Piece* piece = out.mutable_composite()->add_pieces();
    piece->set_size(static_cast<uint32_t>(std::min(kWord, size - n * kWord)));
    switch (classes.word(n)) {
      case Class::kInteger:
        *piece->mutable_value() = word(kIntegers[integers++]);
        break;
      case Class::kSse:
        *piece->mutable_value() = VectorNode(vectors++);
        break;
      case Class::kNone:  // padding
        *piece->mutable_value() = ConstantNode(0);
        break;
    }
  }
  return out;
}

// A scalar or a vector type; none for all others.
absl::StatusOr<std::optional<v1::Node>> Simple(const TypeGraph& types, uint32_t type,
                                               const std::function<v1::Node(uint32_t)>& word) {
  const v1::Type& t = types.at(type);
  switch (t.kind()) {
    case v1::TYPE_FLOAT:
      if (t.size() > kWord) return absl::StrContains(t.name(), "128") ? Uncaptured("as a 128-bit number") : X87();
      return VectorNode(0);
    case v1::TYPE_ARRAY:
      if (t.size() > kMostInRegisters) return Uncaptured("in a vector register of more than 128 bits");
      return VectorNode(0);
    case v1::TYPE_STRUCT:
      if (IsBaseType(types, type) && t.size() > kMostInRegisters) return X87();  // complex long double
      return std::nullopt;
    case v1::TYPE_UNION:
      return std::nullopt;
    case v1::TYPE_OPAQUE:
    case v1::TYPE_FUNCTION:
    case v1::TYPE_VOID:
      return absl::UnimplementedError(absl::StrCat("the debug information has no description of '", t.name(), "'"));
    default:
      if (t.size() == 0 || t.size() > kMostInRegisters)
        return absl::UnimplementedError("the value's size is not known");
      if (t.size() > kWord) return std::nullopt;
      return word(kRax);
  }
}

// The symbol of the function itself; null when there is none.
const FunctionSymbol* SymbolOf(const Module& module, const FunctionScope& scope) {
  const auto entry = EntryOf(module, scope.subprogram);
  const FunctionSymbol* symbol = entry.has_value() ? FunctionSymbolAround(module, *entry) : nullptr;
  return symbol != nullptr && symbol->begin == *entry ? symbol : nullptr;
}

// A compiler that sees all callers of a function need not keep to the ABI.
bool SeenByCompilerOnly(const FunctionScope& scope, const FunctionSymbol* symbol) {
  return !FlagOf(scope.subprogram, DW_AT_external) || symbol == nullptr || symbol->is_local;
}

bool IsCallerSaved(uint32_t reg) {
  constexpr uint32_t kCalleeSaved = 1u << 3 | 1u << 6 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15;
  constexpr uint32_t kStackPointer = 7;
  return reg != kCfaMarker && reg != kStackPointer && (reg >= 32 || (kCalleeSaved >> reg & 1) == 0);
}

}  // namespace

bool HasType(const Dwarf_Die& function) { return StripTypedefs(TypeOf(function)).has_value(); }

absl::Status CheckReturnsByAbi(const Module& module, const FunctionScope& scope) {
  constexpr absl::string_view kChanged =
      "the compiler has changed how the function is called, and may have dropped its value";
  if (scope.by_symbol) return absl::UnimplementedError("the debug information does not have the function's type");
  if (const auto convention = UnsignedOf(scope.subprogram, DW_AT_calling_convention);
      convention.has_value() && *convention != DW_CC_normal) {
    return absl::UnimplementedError(kChanged);
  }
  const FunctionSymbol* symbol = SymbolOf(module, scope);
  if (symbol != nullptr && absl::StrContains(symbol->name, ".isra")) return absl::UnimplementedError(kChanged);
  if (!SeenByCompilerOnly(scope, symbol)) return absl::OkStatus();
  // gcc renames what it changes; without a symbol there is no name. clang says so from version 16 on only.
  constexpr int kClangSaysSo = 16;
  const std::string_view producer = ProducerOf(scope.unit);
  if (GnuVersion(producer) > 0 && symbol != nullptr) return absl::OkStatus();
  const int clang = VersionAfter(producer, "clang version ");
  const bool optimised =
      FlagOf(scope.subprogram, DW_AT_call_all_calls) || FlagOf(scope.subprogram, DW_AT_GNU_all_call_sites);
  if (clang >= kClangSaysSo || (clang > 0 && !optimised)) return absl::OkStatus();
  return absl::UnimplementedError(
      "no other file can call the function, so this compiler may have dropped its value, and does not say whether it "
      "has");
}

absl::StatusOr<v1::Node> ReturnValueOf(TypeGraph* types, uint32_t type, const std::function<v1::Node(uint32_t)>& word) {
  types->Expand(type);
  auto simple = Simple(*types, type, word);
  if (!simple.ok()) return simple.status();
  if (simple->has_value()) return **std::move(simple);
  const uint64_t size = types->at(type).size();
  if (size == 0) return absl::UnimplementedError("the value's size is not known");
  if (size > kMostInRegisters) {
    if (StartsWithVector(types, type)) return Uncaptured("in a vector register of more than 128 bits");
    return MemoryNode(word(kRax));
  }
  Classifier classes(types);
  if (absl::Status s = classes.Add(type, 0, 0); !s.ok()) return s;
  return classes.in_memory() ? MemoryNode(word(kRax)) : InRegisters(classes, size, word);
}

bool SurvivesReturn(const v1::Node& location) { return OnlyReadsRegisters(location, IsCallerSaved); }

}  // namespace dlog::dwarf
