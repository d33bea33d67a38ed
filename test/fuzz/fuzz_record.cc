// SPDX-License-Identifier: Apache-2.0
//
// Hostile records and hostile plans: the input is a serialized ResolvedLogpoint and a record, and whatever they say,
// the event is built in bounded time and memory and its JSON and text are valid UTF-8 on one line.
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "daemon/format/event_json.h"
#include "daemon/format/event_text.h"
#include "daemon/format/text_escape.h"
#include "daemon/pipeline/event_builder.h"

namespace {

using dlog::pipeline::EventBuilder;
using dlog::pipeline::LogpointContext;

bool IsOneLineOfText(std::string_view text) {
  for (size_t position = 0; position < text.size();) {
    const size_t length = dlog::format::Utf8Length(text.substr(position));
    if (length == 0 || text[position] == '\n') return false;
    position += length;
  }
  return true;
}

// Node trees and types straight from bytes: an opcode a byte, so that mutations stay plans. `budget` bounds the tree.
class PlanMaker {
 public:
  PlanMaker(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t Byte() { return position_ < size_ ? data_[position_++] : 0; }
  uint64_t Word() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 8) value |= static_cast<uint64_t>(Byte()) << shift;
    return value;
  }
  uint64_t Number() {
    switch (Byte() % 6) {
      case 0:
        return Word();
      case 1:
        return uint64_t{Byte()} << 32;
      case 2:
        return 0x1000 + Byte();
      default:
        return Byte();
    }
  }
  uint32_t Type() { return Byte() % (kTypes + 1); }

  void FillNode(dlog::v1::Node* node, int depth) {
    node->set_type(Byte() % 3 == 0 ? Type() : 0);
    if (depth > kDepth || --budget_ < 0) {
      node->set_self(true);
      return;
    }
    switch (Byte() % 11) {
      case 0:
        node->set_reg(Byte() % 20);
        break;
      case 1: {
        const uint64_t value = Number();
        node->set_constant(std::string(reinterpret_cast<const char*>(&value), 8) + std::string(Byte() % 4 * 8, '\3'));
        break;
      }
      case 2:
      case 3:
        FillNode(node->mutable_memory(), depth + 1);
        break;
      case 4:
        for (int i = Byte() % 5; i >= 0; --i) {
          auto* piece = node->mutable_composite()->add_pieces();
          piece->set_size(static_cast<uint32_t>(Number()));
          piece->set_in_memory(Byte() & 1);
          FillNode(piece->mutable_value(), depth + 1);
        }
        break;
      case 5:
        FillNode(node->mutable_member()->mutable_object(), depth + 1);
        node->mutable_member()->set_offset(Number());
        node->mutable_member()->set_bit_size(Byte() % 3 == 0 ? Byte() : 0);
        node->mutable_member()->set_bit_offset(static_cast<uint32_t>(Number()));
        break;
      case 6:
        node->mutable_unary()->set_op(static_cast<dlog::v1::Operator>(Byte() % 30));
        FillNode(node->mutable_unary()->mutable_operand(), depth + 1);
        break;
      case 7:
        node->mutable_binary()->set_op(static_cast<dlog::v1::Operator>(Byte() % 30));
        FillNode(node->mutable_binary()->mutable_left(), depth + 1);
        FillNode(node->mutable_binary()->mutable_right(), depth + 1);
        break;
      case 8:
        FillNode(node->mutable_convert(), depth + 1);
        break;
      case 9:
        FillNode(node->mutable_address_of(), depth + 1);
        break;
      default:
        node->set_self(true);
    }
  }

  void FillType(dlog::v1::Type* type) {
    type->set_kind(static_cast<dlog::v1::TypeKind>(Byte() % 16));
    type->set_name(Byte() & 1 ? "char" : "T");
    type->set_size(Number());
    type->set_target(Type());
    type->set_count(Number());
    type->set_is_flag_enum(Byte() & 1);
    type->set_is_signed(Byte() & 1);
    for (int i = Byte() % 5; i > 0; --i) {
      auto* field = type->add_fields();
      field->set_name("f");
      field->set_type(Type());
      field->set_offset(Number());
      field->set_bit_size(Byte() % 4 == 0 ? Byte() : 0);
      field->set_bit_offset(Byte());
      field->set_is_base(Byte() % 8 == 0);
      field->set_is_virtual_base(Byte() % 16 == 0);
      auto* enumerator = type->add_enumerators();
      enumerator->set_name("E");
      enumerator->set_value(static_cast<int64_t>(Number()));
    }
    if (Byte() % 3 != 0) return;
    auto* shape = type->mutable_shape();
    shape->set_kind(static_cast<dlog::v1::Shape::Kind>(Byte() % 5));
    shape->set_element(Type());
    FillNode(shape->mutable_data(), kDepth - 2);
    if (Byte() & 1) FillNode(shape->mutable_size(), kDepth - 2);
    if (Byte() & 1) FillNode(shape->mutable_end(), kDepth - 2);
    FillNode(shape->mutable_engaged(), kDepth - 2);
  }

  std::string Rest() {
    const size_t from = std::min(position_, size_);
    return std::string(reinterpret_cast<const char*>(data_) + from, size_ - from);
  }

  static constexpr int kTypes = 8;

 private:
  static constexpr int kDepth = 6;
  const uint8_t* data_;
  size_t size_;
  size_t position_ = 0;
  int budget_ = 200;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  PlanMaker maker(data, size);
  LogpointContext context;
  context.sites.push_back({});
  dlog::v1::ResolvedLogpoint& resolved = context.resolved;
  auto* candidate = resolved.add_statements()->add_candidates();
  candidate->mutable_plan()->set_register_mask(maker.Byte() | 0xff00u);
  resolved.add_types();
  for (int i = 0; i < PlanMaker::kTypes; ++i) maker.FillType(resolved.add_types());
  resolved.mutable_parsed_template()->add_literals("x ");
  for (int i = 0; i < 2; ++i) {
    auto* expression = resolved.mutable_parsed_template()->add_expressions();
    for (int k = maker.Byte() % 6; i == 1 && k > 0; --k) {
      expression->mutable_format()->push_back("0123456789.<>^#xdsfgeEaAbBcLp?{}+- \n"[maker.Byte() % 36]);
    }
    maker.FillNode(candidate->add_expressions()->mutable_value(), 0);
  }
  context.spec.mutable_limits()->set_depth(maker.Byte() % 5);
  context.spec.mutable_limits()->set_string_bytes(maker.Byte());

  dlog_record header = {};
  for (int i = 0; i < 8; ++i) header.regs[i] = maker.Number();
  header.flags = maker.Byte();
  header.tgid = 0xffffff;
  std::memset(header.comm, maker.Byte(), sizeof(header.comm));
  std::string segments = maker.Rest();
  if (maker.Byte() == 0 && segments.size() >= sizeof(dlog_segment)) {  // one good segment, so that most inputs get far
    const dlog_segment segment = {0x1000, static_cast<uint32_t>((segments.size() - sizeof(segment)) & ~size_t{7}), 0,
                                  0};
    std::memcpy(segments.data(), &segment, sizeof(segment));
    segments.resize(sizeof(segment) + segment.length);
  }
  header.data_bytes = static_cast<uint32_t>(segments.size());

  static EventBuilder builder;
  dlog::event::Batch batch;
  const auto* bytes = reinterpret_cast<const uint8_t*>(segments.data());
  if (!builder.Build(context, 0, header, {bytes, segments.size()}, &batch).ok()) return 0;
  const dlog::event::Event& event = batch.events().front();
  dlog::event::Text json;
  dlog::format::AppendEventJson(event, &json);
  dlog::event::Text text;
  dlog::format::AppendEventText(event, {}, &text);
  if (!IsOneLineOfText(json.view()) || !IsOneLineOfText(text.view()) || batch.bytes() > (size_t{1} << 24)) abort();
  return 0;
}
