// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/format_check.h"

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

// What std::format makes of it, or what it says against it.
template <typename T>
std::string Complaint(const std::string& format, const T& sample) {
  // The formatter reports by exception; this is the boundary.
  try {
    (void)fmt::vformat("{:" + format + "}", fmt::make_format_args(sample));
    return "";
  } catch (const std::exception& failure) {
    return failure.what();
  }
}

bool WantsInteger(std::string_view format) {
  return std::string_view("bBdoxXc").find(format.back()) != std::string_view::npos;
}

bool IsSpecial(std::string_view format) { return format.front() == '[' || format.front() == '%' || format == "errno"; }

bool IsContainer(v1::Shape::Kind shape) {
  switch (shape) {
    case v1::Shape::SEQUENCE:
    case v1::Shape::LIST:
    case v1::Shape::TREE:
    case v1::Shape::BLOCKS:
    case v1::Shape::SLOTS:
    case v1::Shape::BITS:
    case v1::Shape::ALIAS:
      return true;
    default:
      return false;
  }
}

std::string SpecialComplaint(const v1::Type& type, const v1::Shape& shape, std::string_view format) {
  if (format.front() == '[') {
    return type.kind() == v1::TYPE_ARRAY || IsContainer(shape.kind()) ? ""
                                                                      : "only pointers and containers have elements";
  }
  if (format == "errno") return IsInteger(type) ? "" : "an errno is an integer";
  const bool is_time = (shape.kind() == v1::Shape::TIME && shape.is_date()) || (IsInteger(type) && type.size() >= 4);
  return is_time ? "" : "only points in time and integers (seconds since 1970) have a date";
}

std::string ComplaintFor(const v1::Type& type, v1::Shape::Kind shape, const std::string& format) {
  if (shape != v1::Shape::NONE) return Complaint(format, std::string_view());
  switch (type.kind()) {
    case v1::TYPE_BOOL:
      return Complaint(format, true);
    case v1::TYPE_SIGNED:
      return Complaint(format, 0LL);
    case v1::TYPE_UNSIGNED:
    case v1::TYPE_UCHAR:
      return Complaint(format, 0ULL);
    case v1::TYPE_CHAR:
      return Complaint(format, 'a');
    case v1::TYPE_ENUM:
    case v1::TYPE_UTF_CHAR:
      return WantsInteger(format) ? Complaint(format, 0) : Complaint(format, std::string_view());
    case v1::TYPE_FLOAT:
      return Complaint(format, 0.0);
    case v1::TYPE_POINTER:
      return format.back() == 'p' ? Complaint(format, static_cast<const void*>(nullptr))
                                  : Complaint(format, std::string_view());
    default:
      return Complaint(format, std::string_view());
  }
}

absl::Status Misfit(const SourceExpression& value, std::string_view type, std::string_view complaint) {
  return WithHint(absl::InvalidArgumentError(fmt::format("format ':{}' does not fit '{}' of type {}: {}", value.format,
                                                         value.text, type, complaint)),
                  "use a std::format specification for that type, or none");
}

}  // namespace

v1::Node WithFormat(dwarf::TypeGraph* types, v1::Node node, std::string_view format) {
  if (format.empty() || types->at(node.type()).kind() != v1::TYPE_POINTER) return node;
  const uint32_t target = types->at(node.type()).target();
  if (format.front() == '[') {
    uint64_t count = 0;
    types->Expand(target);
    if (types->at(target).size() == 0 || !absl::SimpleAtoi(std::string(format.substr(1, format.size() - 2)), &count)) {
      return node;
    }
    return MemoryObject(std::move(node), types->ArrayOf(target, count));
  }
  const uint64_t size = types->at(target).size();
  if (format.back() == 's' && (size == 1 || types->at(target).kind() == v1::TYPE_VOID)) {
    return MakeConvert(std::move(node), types->PointerTo(Fundamental(types, "char")));
  }
  return node;
}

absl::Status CheckTextFormat(const SourceExpression& value) {
  if (value.format.empty()) return absl::OkStatus();
  const std::string complaint =
      IsSpecial(value.format) ? "text has no elements" : Complaint(value.format, std::string_view());
  return complaint.empty() ? absl::OkStatus() : Misfit(value, "string", complaint);
}

absl::Status CheckFormatFits(const dwarf::TypeGraph& types, const v1::Shape& shape, const v1::Node& node,
                             const SourceExpression& value) {
  if (value.format.empty()) return absl::OkStatus();
  const v1::Type* type = &types.at(node.type());
  if (type->kind() == v1::TYPE_REFERENCE) type = &types.at(type->target());
  const std::string complaint = IsSpecial(value.format) ? SpecialComplaint(*type, shape, value.format)
                                                        : ComplaintFor(*type, shape.kind(), value.format);
  return complaint.empty() ? absl::OkStatus() : Misfit(value, type->name(), complaint);
}

}  // namespace dlog::plan
