// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/generated_fields.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/members.h"
#include "symbolizer/plan/nodes.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::plan {
namespace {

constexpr int kMaxGeneratedFields = 256;

// "shipping_address" and "kShippingAddress" without the k are the same to the generator.
std::string Normalized(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '_') out.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// "shipping_address" -> "ShippingAddress"
std::string CamelCase(std::string_view name) {
  std::string out;
  bool capital = true;
  for (const char c : name) {
    if (c == '_') {
      capital = true;
      continue;
    }
    out.push_back(capital ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c);
    capital = c >= '0' && c <= '9';
  }
  return out;
}

class Generated {
 public:
  Generated(const visualizers::Fields& fields, uint32_t type, v1::Node object, dwarf::TypeGraph* types)
      : fields_(fields), type_(type), object_(std::move(object)), types_(types) {}

  absl::StatusOr<v1::Shape> Run();

 private:
  bool IsLeftOut(std::string_view name) const;
  std::string Plain(const std::string& name) const;
  v1::Node ValueOf(const v1::Field& field);
  v1::Node PointeeOf(v1::Node pointer);
  v1::Node OneOf(const v1::Field& field, v1::Node choice);
  // The number of the part that is set, of `shape` whose parts are the members of the union; fills these in.
  absl::StatusOr<v1::Node> Selected(const std::string& name, const v1::Node& choice, v1::Shape* shape);
  v1::Node Secret(const v1::Field& field, const v1::Node& member);
  static v1::Node Unknown(const v1::Field& field, std::string why);

  const visualizers::Fields& fields_;
  const uint32_t type_;
  const v1::Node object_;
  dwarf::TypeGraph* const types_;
  uint64_t unions_ = 0;
};

bool Generated::IsLeftOut(std::string_view name) const {
  return std::any_of(fields_.leave_out().begin(), fields_.leave_out().end(),
                     [&](const std::string& pattern) { return visualizers::MatchesPattern(pattern, name); });
}

std::string Generated::Plain(const std::string& name) const {
  const bool has_suffix = name.size() > fields_.suffix().size() && std::string_view(name).ends_with(fields_.suffix());
  return has_suffix ? name.substr(0, name.size() - fields_.suffix().size()) : name;
}

v1::Node Generated::Unknown(const v1::Field& field, std::string why) {
  v1::Node node;
  node.set_type(field.type());
  node.set_unavailable(std::move(why));
  return node;
}

// Shown as what must not be: by a type of which no object is ever captured.
v1::Node Generated::Secret(const v1::Field& field, const v1::Node& member) {
  const v1::Type type = types_->at(field.type());
  const uint32_t hidden = types_->Builtin(v1::TYPE_OPAQUE, type.size(), type.name());
  types_->mutable_at(hidden)->set_redacted(field.redacted());
  return MemoryObject(AddressOf(member), hidden);
}

v1::Node Generated::PointeeOf(v1::Node pointer) {
  const uint32_t target = types_->at(pointer.type()).target();
  types_->Expand(target);
  if (types_->at(target).size() == 0) return pointer;
  v1::Shape shape;
  shape.set_kind(v1::Shape::POINTER);
  shape.set_element(target);
  *shape.mutable_data() = MemoryObject(Self(), pointer.type());
  return MemoryObject(AddressOf(pointer), types_->WithShape(pointer.type(), shape));
}

absl::StatusOr<v1::Node> Generated::Selected(const std::string& name, const v1::Node& choice, v1::Shape* shape) {
  const auto cases = types_->NamedNear(type_, CamelCase(name) + "Case");
  auto selectors = FindMember(*types_, object_, fields_.selectors());
  if (!selectors.ok()) return selectors.status();
  types_->Expand(selectors->type());
  const v1::Type array = types_->at(selectors->type());
  if (!cases || types_->at(*cases).kind() != v1::TYPE_ENUM || array.kind() != v1::TYPE_ARRAY) {
    return absl::NotFoundError("no cases");
  }
  const uint64_t stride = types_->at(array.target()).size();
  const uint64_t position = unions_ - 1;
  if (position >= array.count() || stride != sizeof(uint32_t)) return absl::NotFoundError("no selector");
  const v1::Node selector =
      MemoryObject(AddOffset(AddressOf(*selectors), static_cast<int64_t>(position * stride)), array.target());
  const uint32_t word = Fundamental(types_, "unsigned long");
  const uint32_t boolean = Fundamental(types_, "bool");
  const auto constant = [&](uint64_t value) { return MakeConstant(&value, sizeof(value), word); };
  const v1::Type enumeration = types_->at(*cases);
  const v1::Type alternatives = types_->at(choice.type());
  // The sum of (selector == case) * (position of its part + 1), less one: what is not set is no part.
  v1::Node sum = constant(0);
  for (const v1::Field& field : alternatives.fields()) {
    if (IsLeftOut(field.name())) continue;
    const std::string plain = Plain(field.name());
    const auto found =
        std::find_if(enumeration.enumerators().begin(), enumeration.enumerators().end(), [&](const auto& enumerator) {
          return Normalized(enumerator.name().substr(enumerator.name().rfind(':') + 1)) == "k" + Normalized(plain);
        });
    if (found == enumeration.enumerators().end()) return absl::NotFoundError("no case for " + field.name());
    v1::Shape::Part* part = shape->add_parts();
    part->set_name(plain);
    const v1::Node member = MemberObject(choice, field);
    types_->Expand(field.type());
    const bool to_class = types_->at(field.type()).kind() == v1::TYPE_POINTER;
    *part->mutable_value() = !field.redacted().empty() ? Secret(field, member) : to_class ? PointeeOf(member) : member;
    v1::Node is_set = MakeBinary(v1::OP_EQ, Converted(*types_, selector, word),
                                 constant(static_cast<uint64_t>(found->value())), boolean);
    v1::Node number = MakeBinary(v1::OP_MUL, Converted(*types_, std::move(is_set), word),
                                 constant(static_cast<uint64_t>(shape->parts_size())), word);
    sum = MakeBinary(v1::OP_ADD, std::move(sum), std::move(number), word);
  }
  return MakeBinary(v1::OP_SUB, std::move(sum), constant(1), word);
}

v1::Node Generated::OneOf(const v1::Field& field, v1::Node choice) {
  ++unions_;
  types_->Expand(choice.type());
  v1::Shape shape;
  shape.set_kind(v1::Shape::VARIANT);
  auto selected = Selected(Plain(field.name()), choice, &shape);
  if (!selected.ok()) return Unknown(field, "which of its fields is set is not in the debug information");
  *shape.mutable_engaged() = *std::move(selected);
  // Where the selector is counts from the whole object.
  return MemoryObject(Self(), types_->WithShape(type_, shape));
}

v1::Node Generated::ValueOf(const v1::Field& field) {
  types_->Expand(field.type());
  const v1::Type type = types_->at(field.type());
  const bool is_union = type.kind() == v1::TYPE_UNION;
  v1::Node member = MemberObject(object_, field);
  if (!field.redacted().empty()) {
    if (is_union) ++unions_;
    return Secret(field, member);
  }
  if (is_union) return OneOf(field, std::move(member));
  const bool to_class =
      type.kind() == v1::TYPE_POINTER && type.target() != 0 && types_->at(type.target()).kind() == v1::TYPE_STRUCT;
  return to_class ? PointeeOf(std::move(member)) : member;
}

absl::StatusOr<v1::Shape> Generated::Run() {
  if (!IsInMemory(object_)) return absl::NotFoundError("the fields are not in memory");
  types_->Expand(object_.type());
  const v1::Type inside = types_->at(object_.type());
  if (inside.fields_size() == 0 || inside.fields_size() > kMaxGeneratedFields) {
    return absl::NotFoundError(absl::StrCat(inside.fields_size(), " fields"));
  }
  v1::Shape shape;
  shape.set_kind(v1::Shape::MEMBERS);
  for (const v1::Field& field : inside.fields()) {
    if (field.is_base() || field.name().empty() || IsLeftOut(field.name())) continue;
    v1::Node value = ValueOf(field);
    v1::Shape::Part* part = shape.add_parts();
    part->set_name(Plain(field.name()));
    *part->mutable_value() = std::move(value);
  }
  return shape;
}

}  // namespace

absl::StatusOr<v1::Shape> GeneratedFields(const visualizers::Fields& fields, uint32_t type, const v1::Node& object,
                                          dwarf::TypeGraph* types) {
  return Generated(fields, type, object, types).Run();
}

}  // namespace dlog::plan
