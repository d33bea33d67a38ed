// SPDX-License-Identifier: Apache-2.0
#include "daemon/format/value_renderer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/format/format_spec.h"
#include "daemon/format/renderer.h"

namespace dlog::format {

using pipeline::Object;

namespace {

std::string Shortened(std::string text) {
  if (text.size() > kMaxReasonBytes) {
    text.resize(kMaxReasonBytes);
    text.resize(WithoutCutCharacter(text));
  }
  return text;
}

// Of "[3]"; no limit for "[n]", of which the number is the value's own.
uint32_t FormatCount(const std::string& format) {
  uint32_t count = 0;
  const auto end = std::from_chars(format.data() + 1, format.data() + format.size(), count);
  return end.ec == std::errc() && end.ptr != format.data() + format.size() && *end.ptr == ']' ? count : ~uint32_t{0};
}

}  // namespace

void Renderer::Render(const Object& object, Position at, Value* out, Text* text) {
  if (object.type == 0) {
    out->refer_type("unsigned long");
  } else if (const v1::Type* named = TypeAt(object.type)) {
    out->refer_type(named->name());
  }
  ++values_;
  names_ += out->type().size() + out->name().size();
  const v1::Type* type = TypeAt(object.type);
  if (type != nullptr && !type->redacted().empty()) return Fail(v1::STATUS_REDACTED, type->redacted(), out, text);
  if (!object.usable()) return Fail(object.status, object.reason, out, text);
  if (type == nullptr) return Fail(v1::STATUS_ERROR, "malformed plan: no such type", out, text);
  if (at.nesting >= kMaxNesting) return Fail(v1::STATUS_ERROR, "nested too deeply", out, text);
  if (object.type == 0) return RenderScalar(object, nullptr, at, out, text);
  if (type->has_shape() && type->shape().kind() != v1::Shape::NONE && object.bit_size == 0) {
    return RenderShape(object, *type, at, out, text);
  }
  RenderByKind(object, *type, at, out, text);
}

void Renderer::RenderNode(const v1::Node& node, Value* out, Text* text) {
  uint64_t word = 0;
  if (format_.empty()) {
    if (node.has_reg()) {
      word = image_.register_value(node.reg());
      if (image_.has_register(node.reg()) && RenderPlainWord(node.type(), word, false, out, text)) return;
    } else if (pipeline::EvaluateBits(node, types_, image_, &word)) {
      if (RenderPlainWord(node.type(), word, true, out, text)) return;
    } else if (pipeline::EvaluatePlace(node, types_, image_, 0, &word)) {
      if (RenderPlain(node.type(), word, out, text)) return;
    }
  }
  Render(pipeline::Evaluate(node, types_, image_), {}, out, text);
}

void Renderer::RenderByKind(const Object& object, const v1::Type& type, Position at, Value* out, Text* text) {
  switch (type.kind()) {
    case v1::TYPE_BOOL:
    case v1::TYPE_SIGNED:
    case v1::TYPE_UNSIGNED:
    case v1::TYPE_CHAR:
    case v1::TYPE_UCHAR:
    case v1::TYPE_UTF_CHAR:
    case v1::TYPE_FLOAT:
    case v1::TYPE_ENUM:
      return RenderScalar(object, &type, at, out, text);
    case v1::TYPE_POINTER:
      return RenderPointer(object, type, at, out, text);
    case v1::TYPE_REFERENCE:
      return RenderReference(object, type, at, out, text);
    case v1::TYPE_STRUCT:
    case v1::TYPE_UNION:
      return RenderStruct(object, type, at, out, text);
    case v1::TYPE_ARRAY:
      return RenderArray(object, type, at, out, text);
    case v1::TYPE_FUNCTION:
      if (object.in_memory) return RenderAddress(object.address, true, at, out, text);
      return Fail(v1::STATUS_ERROR, "a function has no value", out, text);
    case v1::TYPE_VOID:
      return Fail(v1::STATUS_ERROR, "void has no value", out, text);
    default:
      return Fail(v1::STATUS_ERROR, "incomplete type", out, text);
  }
}

void Renderer::RenderReference(const Object& object, const v1::Type& type, Position at, Value* out, Text* text) {
  uint64_t address = 0;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  if (!pipeline::ReadScalar(object, types_, image_, &address, &status, &reason)) {
    return Fail(status, reason, out, text);
  }
  if (type.target() == 0) return Fail(v1::STATUS_ERROR, "incomplete type", out, text);
  // The top-level reference is the variable as written; one inside an object leads to another object.
  const Position inner = at.root ? at.Same() : at.Deeper();
  if (inner.level > limits_.depth) return Elided(at, out, text);
  Render(pipeline::ObjectAt(address, type.target(), types_, nullptr), inner, out, text);
  out->refer_type(type.name());
}

void Renderer::Fail(v1::ValueStatus status, std::string_view reason, Value* out, Text* text) {
  out->set_status(status);
  const size_t start = text->size();
  text->append(StatusText(status, reason));
  out->refer_text(text->view(start));
  out->set_reason(reason);
}

void Renderer::Elided(Position at, Value* out, Text* text) {
  Truncate(MissingReason(at), out);
  out->refer_text("{...}");
  text->append("{...}");
}

std::string Renderer::MissingReason(Position at) const {
  if (at.level + 1 > limits_.depth) return fmt::format("depth {}", limits_.depth);
  if (limits_.record_flags & DLOG_RECORD_BUDGET) return "byte limit of the event";
  if (limits_.record_flags & DLOG_RECORD_QUEUE) return "too many objects to follow";
  if (limits_.record_flags & DLOG_RECORD_STEPS) return "capture step limit";
  return "not captured";
}

void Renderer::Truncate(std::string_view reason, Value* out) {
  if (out->status() != v1::STATUS_OK) return;
  out->set_status(v1::STATUS_TRUNCATED);
  out->set_reason(reason);
}

void Renderer::Absorb(const Value& part, std::string_view label, Value* whole) {
  const v1::ValueStatus status = part.status();
  if (status == v1::STATUS_OK || status == v1::STATUS_RECOVERED) return;
  if (status == v1::STATUS_TRUNCATED) {
    if (whole->status() != v1::STATUS_OK) return;
    // A cut with two numbers belongs to one part; the other limits are limits of the whole event.
    const bool own = part.reason().find('/') != std::string_view::npos && !label.empty();
    if (!own) return Truncate(part.reason(), whole);
    return Truncate(Shortened(fmt::format("{}: {}", label, part.reason())), whole);
  }
  if (whole->status() == v1::STATUS_PARTIAL) return;
  std::string what(part.reason());
  const char* separator = ".";
  if (status != v1::STATUS_PARTIAL) {
    what = StatusText(status, part.reason());
    what = what.substr(1, what.size() - 2);
    separator = ": ";
  } else if (what.empty() || what.front() == '[') {
    separator = "";
  }
  whole->set_status(v1::STATUS_PARTIAL);
  whole->set_reason(Shortened(label.empty() ? what : fmt::format("{}{}{}", label, separator, what)));
}

void RenderValue(const v1::Node& node, const pipeline::TypeTable& types, const pipeline::MemoryImage& image,
                 const RenderLimits& limits, const std::string& format, const SymbolLookup& symbols, Value* out,
                 Text* text) {
  if (format.starts_with('[')) {
    // "[3]": the first three elements.
    RenderLimits fewer = limits;
    fewer.items = std::min(limits.items, FormatCount(format));
    return RenderValue(node, types, image, fewer, std::string(), symbols, out, text);
  }
  Renderer renderer(types, image, limits, format, symbols, text->size());
  renderer.RenderNode(node, out, text);
  const bool has_text = out->status() == v1::STATUS_OK || out->status() == v1::STATUS_TRUNCATED ||
                        out->status() == v1::STATUS_PARTIAL || out->status() == v1::STATUS_RECOVERED;
  // Leaves have applied the format themselves; whole aggregates are aligned as strings.
  if (format.empty() || !has_text || !(out->is_struct() || out->is_sequence())) return;
  std::string formatted;
  std::string error;
  if (FormatWithSpec(format, out->text(), &formatted, &error)) {
    out->set_text(formatted);
    return;
  }
  out->clear_parts();
  out->set_is_struct(false);
  out->set_is_sequence(false);
  out->set_status(v1::STATUS_ERROR);
  out->set_text(StatusText(v1::STATUS_ERROR, error));
  out->set_reason(error);
}

std::string StatusText(v1::ValueStatus status, std::string_view reason) {
  switch (status) {
    case v1::STATUS_OK:
      return "";
    case v1::STATUS_TRUNCATED:
      return fmt::format("<truncated {}>", reason);
    case v1::STATUS_PARTIAL:
      return reason.empty() ? "<partial>" : fmt::format("<partial {}>", reason);
    case v1::STATUS_OPTIMIZED_OUT:
      return "<optimized out>";
    case v1::STATUS_UNREADABLE:
      if (reason == "not captured") return "<not captured>";
      return reason.empty() ? "<unreadable>" : fmt::format("<unreadable {}>", reason);
    case v1::STATUS_REDACTED:
      return "<redacted>";
    case v1::STATUS_TORN:
      return "<torn>";
    case v1::STATUS_RECOVERED:
      return "<recovered>";
    default:
      if (reason.starts_with("corrupt: ")) return fmt::format("<{}>", reason);
      return fmt::format("<error: {}>", reason);
  }
}

}  // namespace dlog::format
