// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/format_check.h"

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

#include "symbolizer/base/status_hint.h"
#include "symbolizer/plan/conversions.h"

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

std::string ComplaintFor(const v1::Type& type, v1::Shape::Kind shape, const std::string& format) {
  if (shape != v1::Shape::NONE) return Complaint(format, std::string_view());
  switch (type.kind()) {
    case v1::TYPE_BOOL:
      return Complaint(format, true);
    case v1::TYPE_SIGNED:
    case v1::TYPE_UNSIGNED:
    case v1::TYPE_UCHAR:
      return Complaint(format, 0LL);
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

}  // namespace

absl::Status CheckFormatFits(const dwarf::TypeGraph& types, v1::Shape::Kind shape, const v1::Node& node,
                             const SourceExpression& value) {
  if (value.format.empty()) return absl::OkStatus();
  const v1::Type* type = &types.at(node.type());
  if (type->kind() == v1::TYPE_REFERENCE) type = &types.at(type->target());
  const std::string complaint =
      IsSpecial(value.format) ? "this form is not known to this version" : ComplaintFor(*type, shape, value.format);
  if (complaint.empty()) return absl::OkStatus();
  return WithHint(absl::InvalidArgumentError(fmt::format("format ':{}' does not fit '{}' of type {}: {}", value.format,
                                                         value.text, type->name(), complaint)),
                  "use a std::format specification for that type, or none");
}

}  // namespace dlog::plan
