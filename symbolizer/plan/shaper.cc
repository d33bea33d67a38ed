// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/shaper.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "symbolizer/dwarf/alignment.h"
#include "symbolizer/dwarf/type_functions.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/generated_fields.h"
#include "symbolizer/plan/members.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

using visualizers::Visualizer;

constexpr int kMaxParts = 64;  // of a variant or tuple
constexpr size_t kMaxMisfits = 16;
constexpr uint64_t kMaxNodeBytes = 16384;

// One visualizer for one type. Remembers the first thing that does not fit.
class Application {
 public:
  Application(const Visualizer& visualizer, uint32_t type, dwarf::TypeGraph* types, Shaper* shaper)
      : visualizer_(visualizer), type_(type), types_(types), shaper_(shaper) {}

  absl::StatusOr<v1::Shape> Run() {
    extras_.names["$address"] = MakeConvert(Self(), Fundamental(types_, "unsigned long"));
    Apply();
    if (!status_.ok()) return status_;
    if (visualizer_.has_valid()) ApplyRequirement(visualizer_.valid());
    if (!status_.ok()) return status_;
    shape_.set_is_map(visualizer_.map());
    if (shape_.element() != 0) types_->Expand(shape_.element());
    return std::move(shape_);
  }

 private:
  void Apply();
  void ApplySequence(const visualizers::Sequence& sequence);
  void ApplyList(const visualizers::List& list);
  void ApplyTree(const visualizers::Tree& tree);
  void ApplyNodes(uint32_t node, const std::string& value, const std::string& element);
  void ApplyBranches(const visualizers::Branches& branches);
  void ApplyBlocks(const visualizers::Blocks& blocks);
  void ApplySlots(const visualizers::Slots& slots);
  void ApplyBits(const visualizers::Bits& bits);
  void ApplyVariant(const visualizers::Variant& variant);
  void ApplyTuple(const visualizers::Tuple& tuple);
  void ApplyTime(const visualizers::Time& time);
  void ApplyOptional(const visualizers::Optional& optional);
  void ApplyAlias(const visualizers::Alias& alias);
  void ApplyFields(const visualizers::Fields& fields);
  void ApplyStorage(const std::string& member);
  void ApplyErased(const visualizers::Erased& erased);
  void ApplyHolder(const visualizers::Erased::Holder& holder, const v1::Node& function);
  void ApplyRequirement(const visualizers::Requirement& requirement);
  // Where objects of `type` lie in the storage at `member`. Fails when they do not fit it.
  v1::Node Stored(const v1::Node& member, uint32_t type);
  void ApplyParts(const google::protobuf::RepeatedPtrField<visualizers::Part>& parts);

  void Fail(absl::Status status) { status_.Update(std::move(status)); }
  // An expression over the members of `type`: an object or a value.
  v1::Node Bind(uint32_t type, const std::string& text);
  // As a scalar (a number or a pointer's value).
  v1::Node Value(uint32_t type, const std::string& text);
  // A pointer; its target is the element type.
  v1::Node Pointer(const std::string& text);
  // A pointer, or an address with the type of what is there.
  v1::Node PointerTo(const std::string& text, const std::string& element);
  uint32_t TypeOf(const std::string& text);
  uint32_t OneTypeOf(std::string base);
  void Set(v1::Node node, v1::Node* out) { *out = std::move(node); }

  const Visualizer& visualizer_;
  const uint32_t type_;
  dwarf::TypeGraph* const types_;
  Shaper* const shaper_;
  Binder::Extras extras_;
  uint32_t node_type_ = 0;
  v1::Shape shape_;
  absl::Status status_;
};

v1::Node Application::Bind(uint32_t type, const std::string& text) {
  if (!status_.ok()) return {};
  auto ast = expr::ParseExpression(text);
  if (!ast.ok()) {
    Fail(ast.status());
    return {};
  }
  types_->Expand(type);
  Binder binder(type, &extras_, types_, shaper_);
  auto node = binder.Bind(**ast, text);
  if (!node.ok()) {
    Fail(node.status());
    return {};
  }
  types_->Expand(node->type());
  return *std::move(node);
}

v1::Node Application::Value(uint32_t type, const std::string& text) {
  v1::Node node = Bind(type, text);
  if (status_.ok() && !IsScalar(types_->at(node.type()))) Fail(absl::NotFoundError("'" + text + "' is no number"));
  return node;
}

v1::Node Application::Pointer(const std::string& text) {
  v1::Node node = Value(type_, text);
  if (!status_.ok()) return {};
  if (!IsPointer(types_->at(node.type()))) {
    Fail(absl::NotFoundError("'" + text + "' is no pointer"));
    return {};
  }
  shape_.set_element(types_->at(node.type()).target());
  return node;
}

v1::Node Application::PointerTo(const std::string& text, const std::string& element) {
  if (element.empty()) return Pointer(text);
  shape_.set_element(TypeOf(element));
  return Value(type_, text);
}

// "a | b": b when a does not fit.
uint32_t Application::TypeOf(const std::string& text) {
  if (!status_.ok()) return 0;
  uint32_t type = 0;
  absl::Status misfit;
  for (const absl::string_view choice : absl::StrSplit(text, " | ")) {
    type = OneTypeOf(std::string(choice));
    if (status_.ok()) return type;
    misfit = std::exchange(status_, absl::OkStatus());
  }
  status_ = misfit;
  return type;
}

uint32_t Application::OneTypeOf(std::string base) {
  std::vector<size_t> arguments;
  for (size_t colon; (colon = base.rfind(':')) != std::string::npos && colon + 1 < base.size();) {
    int argument = 0;
    if (!absl::SimpleAtoi(base.substr(colon + 1), &argument) || argument < 0) break;
    arguments.insert(arguments.begin(), static_cast<size_t>(argument));
    base.resize(colon);
  }
  uint32_t type = base == "self" ? type_ : base == "node" ? node_type_ : Bind(type_, base).type();
  for (const size_t argument : arguments) {
    if (!status_.ok()) return 0;
    const auto next = types_->TemplateType(type, argument);
    if (!next.has_value()) {
      Fail(absl::NotFoundError(absl::StrCat(types_->at(type).name(), " has no template argument ", argument)));
      return 0;
    }
    type = *next;
  }
  types_->Expand(type);
  return type;
}

void Application::ApplySequence(const visualizers::Sequence& sequence) {
  shape_.set_kind(v1::Shape::SEQUENCE);
  if (sequence.array().empty()) {
    shape_.set_node_size(sequence.stride());
    Set(PointerTo(sequence.begin(), sequence.element()), shape_.mutable_data());
    if (status_.ok() && sequence.stride() != 0) {
      const uint64_t size = types_->at(shape_.element()).size();
      if (size == 0 || size > sequence.stride())
        return Fail(absl::NotFoundError("the elements do not fit their places"));
    }
    if (sequence.end().empty()) return Set(Value(type_, sequence.size()), shape_.mutable_size());
    return Set(Value(type_, sequence.end()), shape_.mutable_end());
  }
  const v1::Node array = Bind(type_, sequence.array());
  if (!status_.ok()) return;
  const v1::Type& array_type = types_->at(array.type());
  if (array_type.kind() != v1::TYPE_ARRAY || !IsInMemory(array)) return Fail(absl::NotFoundError("not an array"));
  shape_.set_element(array_type.target());
  Set(AddressOf(array), shape_.mutable_data());
  Set(Word(array_type.count()), shape_.mutable_size());
}

void Application::ApplyNodes(uint32_t node, const std::string& value, const std::string& element) {
  const v1::Node member = Bind(node, value);
  if (!status_.ok()) return;
  if (!IsInMemory(member)) return Fail(absl::NotFoundError("'" + value + "' is no member"));
  shape_.set_element(element.empty() ? member.type() : TypeOf(element));
  if (!status_.ok()) return;
  Set(AddressOf(member), shape_.mutable_value());
  const uint64_t size = types_->at(node).size();
  const uint64_t element_size = types_->at(shape_.element()).size();
  const auto place = SplitOffset(shape_.value());
  // The element lies inside its node: another layout than the one that this visualizer is for would not.
  const bool fits = place.base->kind_case() == v1::Node::kSelf && place.offset >= 0 && element_size != 0 &&
                    static_cast<uint64_t>(place.offset) + element_size <= size && size <= kMaxNodeBytes;
  if (!fits) return Fail(absl::NotFoundError("the element does not fit its node"));
  shape_.set_node_size(size);
}

void Application::ApplyList(const visualizers::List& list) {
  shape_.set_kind(v1::Shape::LIST);
  node_type_ = TypeOf(list.node());
  Set(Value(type_, list.first()), shape_.mutable_data());
  if (!list.size().empty()) Set(Value(type_, list.size()), shape_.mutable_size());
  if (!list.end().empty()) Set(Value(type_, list.end()), shape_.mutable_end());
  Set(Value(node_type_, list.next()), shape_.mutable_next());
  ApplyNodes(node_type_, list.value(), list.element());
}

void Application::ApplyTree(const visualizers::Tree& tree) {
  shape_.set_kind(v1::Shape::TREE);
  node_type_ = TypeOf(tree.node());
  Set(Value(type_, tree.first()), shape_.mutable_data());
  Set(Value(type_, tree.size()), shape_.mutable_size());
  Set(Value(type_, tree.end()), shape_.mutable_end());
  Set(Value(node_type_, tree.left()), shape_.mutable_left());
  Set(Value(node_type_, tree.right()), shape_.mutable_right());
  Set(Value(node_type_, tree.parent()), shape_.mutable_parent());
  ApplyNodes(node_type_, tree.value(), tree.element());
}

void Application::ApplyBranches(const visualizers::Branches& branches) {
  constexpr uint64_t kPointerBytes = 8;
  shape_.set_kind(v1::Shape::TREE);
  node_type_ = TypeOf(branches.node());
  Set(Value(type_, branches.first()), shape_.mutable_data());
  Set(Value(type_, branches.size()), shape_.mutable_size());
  Set(Value(node_type_, branches.parent()), shape_.mutable_parent());
  Set(Value(node_type_, branches.position()), shape_.mutable_start());
  Set(Value(node_type_, branches.count()), shape_.mutable_end());
  Set(Value(node_type_, branches.leaf()), shape_.mutable_engaged());
  const v1::Node last = Bind(node_type_, branches.last());
  const std::optional<uint64_t> capacity = ConstantWord(Value(type_, branches.capacity()));
  shape_.set_element(TypeOf(branches.element()));
  if (!status_.ok()) return;
  const BaseOffset place = IsInMemory(last) ? SplitOffset(last.memory()) : BaseOffset{};
  if (place.base == nullptr || place.base->kind_case() != v1::Node::kSelf || place.offset < 0) {
    return Fail(absl::NotFoundError("'" + branches.last() + "' is no member"));
  }
  const uint64_t header = static_cast<uint64_t>(place.offset) + types_->at(last.type()).size();
  const uint64_t stride = types_->at(shape_.element()).size();
  const uint64_t alignment = dwarf::AlignmentOf(types_, shape_.element());
  // The alignment of the node says the same again.
  const uint64_t node_alignment = dwarf::AlignmentOf(types_, node_type_);
  if (alignment == 0 || node_alignment != std::max(alignment, kPointerBytes)) {
    return Fail(absl::NotFoundError("the alignment of the elements is not known"));
  }
  const auto aligned = [](uint64_t offset, uint64_t to) { return (offset + to - 1) / to * to; };
  if (stride == 0 || !capacity.has_value() || *capacity == 0 || *capacity > kMaxNodeBytes / stride) {
    return Fail(absl::NotFoundError("nodes of unknown size"));
  }
  const uint64_t elements = aligned(header, alignment);
  const uint64_t children = aligned(elements + *capacity * stride, kPointerBytes);
  shape_.set_block(*capacity);
  shape_.set_node_size(stride);
  Set(AddOffset(Self(), static_cast<int64_t>(elements)), shape_.mutable_value());
  Set(AddOffset(Self(), static_cast<int64_t>(children)), shape_.mutable_right());
}

void Application::ApplyBlocks(const visualizers::Blocks& blocks) {
  shape_.set_kind(v1::Shape::BLOCKS);
  shape_.set_element(TypeOf(blocks.element()));
  if (!status_.ok()) return;
  const uint64_t stride = types_->at(shape_.element()).size();
  if (stride == 0 || stride <= blocks.larger_than()) return Fail(absl::NotFoundError("elements of another size"));
  shape_.set_block(std::max<uint64_t>({1, blocks.min_block(), blocks.block_bytes() / stride}));
  const uint64_t block = shape_.block();
  const auto signed_block = static_cast<int64_t>(block);
  extras_.names["$block"] = MakeConstant(&signed_block, sizeof(signed_block), Fundamental(types_, "long"));
  Set(Value(type_, blocks.map()), shape_.mutable_data());
  Set(Value(type_, blocks.start()), shape_.mutable_start());
  Set(Value(type_, blocks.size()), shape_.mutable_size());
}

void Application::ApplySlots(const visualizers::Slots& slots) {
  shape_.set_kind(v1::Shape::SLOTS);
  Set(Value(type_, slots.control()), shape_.mutable_data());
  v1::Node first = Pointer(slots.slots());
  if (!status_.ok()) return;
  const uint32_t slot = shape_.element();
  types_->Expand(slot);
  shape_.set_node_size(types_->at(slot).size());
  if (shape_.node_size() == 0 || shape_.node_size() > kMaxNodeBytes)
    return Fail(absl::NotFoundError("slots of unknown size"));
  Set(std::move(first), shape_.mutable_value());
  if (!slots.value().empty()) {
    const v1::Node member = Bind(slot, slots.value());
    if (!status_.ok()) return;
    // Slots are unions: the element is where the slot is.
    if (!IsInMemory(member) || AddressOf(member).kind_case() != v1::Node::kSelf)
      return Fail(absl::NotFoundError("no slot"));
    shape_.set_element(member.type());
  }
  if (slots.indirect()) {
    if (!IsPointer(types_->at(shape_.element()))) return Fail(absl::NotFoundError("the slots hold no pointers"));
    shape_.set_block(1);
    shape_.set_element(types_->at(shape_.element()).target());
  }
  Set(Value(type_, slots.capacity()), shape_.mutable_capacity());
  Set(Value(type_, slots.size()), shape_.mutable_size());
}

void Application::ApplyBits(const visualizers::Bits& bits) {
  shape_.set_kind(v1::Shape::BITS);
  shape_.set_as_digits(bits.digits());
  Set(Value(type_, bits.words()), shape_.mutable_data());
  if (!bits.first().empty()) Set(Value(type_, bits.first()), shape_.mutable_start());
  Set(Value(type_, bits.size()), shape_.mutable_size());
  shape_.set_element(Fundamental(types_, "bool"));
}

void Application::ApplyParts(const google::protobuf::RepeatedPtrField<visualizers::Part>& parts) {
  for (const visualizers::Part& part : parts) {
    v1::Shape::Part* out = shape_.add_parts();
    out->set_name(part.name());
    out->set_is_type_name(part.type_name());
    Set(Bind(type_, part.value()), out->mutable_value());
  }
}

void Application::ApplyVariant(const visualizers::Variant& variant) {
  shape_.set_kind(v1::Shape::VARIANT);
  Set(Value(type_, variant.index()), shape_.mutable_engaged());
  if (!variant.storage().empty()) return ApplyStorage(variant.storage());
  if (variant.chain().empty()) return ApplyParts(variant.parts());
  v1::Node link = Bind(type_, variant.chain());
  for (size_t i = 0; i < kMaxParts && status_.ok(); ++i) {
    const auto alternative = types_->TemplateType(type_, i);
    if (!alternative.has_value()) break;
    types_->Expand(*alternative);
    if (i != 0) {
      auto rest = FindMember(*types_, link, variant.rest());
      if (!rest.ok()) return Fail(rest.status());
      link = *std::move(rest);
      types_->Expand(link.type());
    }
    auto first = FindMember(*types_, link, variant.first());
    if (!first.ok()) return Fail(first.status());
    Set(Stored(*first, *alternative), shape_.add_parts()->mutable_value());
  }
}

void Application::ApplyStorage(const std::string& member) {
  const v1::Node storage = Bind(type_, member);
  for (size_t i = 0; i < kMaxParts && status_.ok(); ++i) {
    const auto alternative = types_->TemplateType(type_, i);
    if (!alternative.has_value()) break;
    types_->Expand(*alternative);
    Set(Stored(storage, *alternative), shape_.add_parts()->mutable_value());
  }
}

// Part 0 is the function itself; each other one is the value of the type that one function tells.
void Application::ApplyErased(const visualizers::Erased& erased) {
  shape_.set_kind(v1::Shape::VARIANT);
  Set(Word(0), shape_.mutable_engaged());
  const v1::Node function = Value(type_, erased.function());
  *shape_.add_parts()->mutable_value() = function;
  for (const visualizers::Erased::Holder& holder : erased.holders()) ApplyHolder(holder, function);
}

void Application::ApplyHolder(const visualizers::Erased::Holder& holder, const v1::Node& function) {
  const v1::Node place = Value(type_, holder.value());
  if (!status_.ok()) return;
  // What follows the class in the pattern, up to a '*'.
  const std::string::size_type colon = holder.match().rfind("::");
  std::string part = colon == std::string::npos ? holder.match() : holder.match().substr(colon + 2);
  part.resize(std::min(part.size(), part.find('*')));
  const auto matches = [&](const std::string& name) { return visualizers::MatchesPattern(holder.match(), name); };
  for (const dwarf::TypeGraph::Maker& maker : types_->MakersNamed(part, matches)) {
    types_->Expand(maker.type);
    if (static_cast<size_t>(shape_.parts_size()) > dwarf::kMaxTypeFunctions) return;
    if (types_->at(maker.type).size() == 0 || types_->at(maker.type).size() > kMaxNodeBytes) continue;
    v1::Node address;
    address.set_link_address(maker.function.value);
    v1::Node matched = WordBinary(v1::OP_EQ, MakeConvert(function, 0), std::move(address));
    const auto number = static_cast<uint64_t>(shape_.parts_size());
    matched = WordBinary(v1::OP_MUL, std::move(matched), Word(number));
    *shape_.mutable_engaged() = WordBinary(v1::OP_ADD, v1::Node(shape_.engaged()), std::move(matched));
    v1::Shape::Part* out = shape_.add_parts();
    out->set_name(types_->at(maker.type).name());
    *out->mutable_value() = MemoryObject(MakeConvert(place, 0), maker.type);
  }
}

v1::Node Application::Stored(const v1::Node& member, uint32_t type) {
  if (!status_.ok()) return {};
  if (!IsInMemory(member)) {
    Fail(absl::NotFoundError("the storage is no member"));
  } else if (types_->at(type).size() > types_->at(member.type()).size()) {
    Fail(absl::NotFoundError(absl::StrCat(types_->at(type).name(), " does not fit its storage")));
  }
  return status_.ok() ? MemoryObject(AddressOf(member), type) : v1::Node();
}

void Application::ApplyOptional(const visualizers::Optional& optional) {
  shape_.set_kind(v1::Shape::OPTIONAL);
  Set(Value(type_, optional.engaged()), shape_.mutable_engaged());
  v1::Node value = Bind(type_, optional.value());
  if (!optional.type().empty()) value = Stored(value, TypeOf(optional.type()));
  if (!status_.ok()) return;
  if (!IsInMemory(value)) return Fail(absl::NotFoundError("'" + optional.value() + "' is no member"));
  shape_.set_element(value.type());
  Set(AddressOf(value), shape_.mutable_data());
}

void Application::ApplyAlias(const visualizers::Alias& alias) {
  shape_.set_kind(v1::Shape::ALIAS);
  Set(Bind(type_, alias.value()), shape_.add_parts()->mutable_value());
  if (!alias.target().empty()) Set(PointerTo(alias.target(), alias.element()), shape_.mutable_data());
}

// What everything else about the object hangs on is only there when the condition holds.
void Application::ApplyRequirement(const visualizers::Requirement& requirement) {
  v1::Node condition = Converted(*types_, Value(type_, requirement.condition()), Fundamental(types_, "bool"));
  if (!status_.ok()) return;
  v1::Node* first = shape_.has_engaged() ? shape_.mutable_engaged()
                    : shape_.has_data()  ? shape_.mutable_data()
                                         : nullptr;
  if (first == nullptr) return Fail(absl::NotFoundError("`valid` has no meaning here"));
  *first = MakeChecked(std::move(condition), v1::Node(*first), requirement.reason());
}

void Application::ApplyFields(const visualizers::Fields& fields) {
  const v1::Node object = Bind(type_, fields.object());
  if (!status_.ok()) return;
  auto shape = GeneratedFields(fields, type_, object, types_);
  if (!shape.ok()) return Fail(shape.status());
  shape_ = *std::move(shape);
}

void Application::ApplyTuple(const visualizers::Tuple& tuple) {
  shape_.set_kind(v1::Shape::MEMBERS);
  types_->Expand(type_);
  const v1::Node object = tuple.object().empty() ? MemoryObject(Self(), type_) : Bind(type_, tuple.object());
  if (!status_.ok()) return;
  for (int i = 0; i < kMaxParts; ++i) {
    absl::StatusOr<v1::Node> base = absl::NotFoundError("");
    for (std::string pattern : tuple.base()) {
      if (const size_t number = pattern.find('#'); number != std::string::npos)
        pattern.replace(number, 1, absl::StrCat(i));
      if (!base.ok()) base = FindBase(types_, object, pattern);
    }
    if (!base.ok()) break;
    auto member = FindMember(*types_, *base, tuple.member());
    if (!member.ok()) return Fail(member.status());
    Set(*std::move(member), shape_.add_parts()->mutable_value());
  }
  // Only the empty tuple has no numbered base.
  if (shape_.parts_size() == 0 && types_->TemplateType(type_, 0).has_value()) Fail(absl::NotFoundError("no elements"));
}

void Application::ApplyTime(const visualizers::Time& time) {
  shape_.set_kind(v1::Shape::TIME);
  shape_.set_is_date(time.date());
  shape_.set_numerator(1);
  shape_.set_denominator(1);
  Set(Value(type_, time.count()), shape_.mutable_data());
  if (!time.nanoseconds().empty()) Set(Value(type_, time.nanoseconds()), shape_.mutable_size());
  if (time.period().empty()) return;
  const uint32_t period = TypeOf(time.period());
  if (!status_.ok()) return;
  const auto numerator = types_->TemplateValue(period, 0);
  const auto denominator = types_->TemplateValue(period, 1);
  if (numerator.value_or(0) <= 0 || denominator.value_or(0) <= 0) return Fail(absl::NotFoundError("no ratio"));
  shape_.set_numerator(static_cast<uint64_t>(*numerator));
  shape_.set_denominator(static_cast<uint64_t>(*denominator));
}

void Application::Apply() {
  switch (visualizer_.shape_case()) {
    case Visualizer::kString:
      shape_.set_kind(v1::Shape::STRING);
      shape_.set_as_digits(visualizer_.string().address());
      Set(PointerTo(visualizer_.string().data(), visualizer_.string().element()), shape_.mutable_data());
      return Set(Value(type_, visualizer_.string().size()), shape_.mutable_size());
    case Visualizer::kSequence:
      return ApplySequence(visualizer_.sequence());
    case Visualizer::kOptional:
      return ApplyOptional(visualizer_.optional());
    case Visualizer::kPointer:
      shape_.set_kind(v1::Shape::POINTER);
      if (!visualizer_.pointer().engaged().empty()) {
        Set(Value(type_, visualizer_.pointer().engaged()), shape_.mutable_engaged());
      }
      if (!visualizer_.pointer().count().empty()) {
        Set(Value(type_, visualizer_.pointer().count()), shape_.mutable_size());
      }
      return Set(Pointer(visualizer_.pointer().target()), shape_.mutable_data());
    case Visualizer::kList:
      return ApplyList(visualizer_.list());
    case Visualizer::kTree:
      return ApplyTree(visualizer_.tree());
    case Visualizer::kBranches:
      return ApplyBranches(visualizer_.branches());
    case Visualizer::kBlocks:
      return ApplyBlocks(visualizer_.blocks());
    case Visualizer::kSlots:
      return ApplySlots(visualizer_.slots());
    case Visualizer::kBits:
      return ApplyBits(visualizer_.bits());
    case Visualizer::kVariant:
      return ApplyVariant(visualizer_.variant());
    case Visualizer::kAlias:
      return ApplyAlias(visualizer_.alias());
    case Visualizer::kMembers:
      shape_.set_kind(v1::Shape::MEMBERS);
      return ApplyParts(visualizer_.members().parts());
    case Visualizer::kTuple:
      return ApplyTuple(visualizer_.tuple());
    case Visualizer::kTime:
      return ApplyTime(visualizer_.time());
    case Visualizer::kErased:
      return ApplyErased(visualizer_.erased());
    case Visualizer::kFields:
      return ApplyFields(visualizer_.fields());
    case Visualizer::SHAPE_NOT_SET:
      return;
  }
}

}  // namespace

const v1::Shape& Shaper::ShapeOf(uint32_t type) {
  const v1::TypeKind kind = types_->at(type).kind();
  // One that was made with a shape keeps it.
  const bool opaque = kind == v1::TYPE_OPAQUE;
  const bool open = !types_->at(type).has_shape() && (kind == v1::TYPE_STRUCT || kind == v1::TYPE_UNION || opaque);
  if (decided_.insert(type).second && open) {
    // C spells it "struct timespec".
    const std::string raw_name = types_->raw_name(type);
    std::string_view name = raw_name;
    for (const std::string_view keyword : {"struct ", "union "}) {
      if (name.starts_with(keyword)) name.remove_prefix(keyword.size());
    }
    absl::Status misfit;
    for (const Visualizer* visualizer : catalog_.Matches(name)) {
      if (visualizer->declared_only() != opaque) continue;
      if (!visualizer->base_class().empty() && !HasBase(type, visualizer->base_class())) continue;
      auto shape = Application(*visualizer, type, types_, this).Run();
      misfit = shape.status();
      if (const std::string_view origin = catalog_.OriginOf(*visualizer); !shape.ok() && !origin.empty()) {
        AddMisfit(
            absl::StrCat(std::string(origin), ": does not fit ", types_->at(type).name(), ": ", misfit.message()));
      }
      if (!shape.ok()) continue;
      *types_->mutable_at(type)->mutable_shape() = *std::move(shape);
      break;
    }
    if (!misfit.ok()) {
      AddMisfit(absl::StrCat("shown member by member: ", types_->at(type).name(), " (", misfit.message(), ")"));
    }
  }
  return types_->at(type).shape();
}

bool Shaper::HasBase(uint32_t type, const std::string& pattern) {
  types_->Expand(type);
  const auto& fields = types_->at(type).fields();
  const bool derived =
      std::any_of(fields.begin(), fields.end(), [](const v1::Field& field) { return field.is_base(); });
  return derived && FindBase(types_, MemoryObject(Self(), type), pattern).ok();
}

void Shaper::AddMisfit(std::string text) {
  if (misfits_.size() < kMaxMisfits) misfits_.push_back(std::move(text));
}

}  // namespace dlog::plan
