// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/memory_image.h"

#include <cstring>
#include <string>
#include <vector>

#include "test/catch.h"

namespace dlog::pipeline {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string ReadString(const MemoryImage& image, uint64_t address, size_t size) {
  std::string out(size, '?');
  const ReadResult result = image.Read(address, out.data(), size);
  return result.ok() ? out : FailureReason(result);
}

TEST_CASE("a read may span adjacent segments, added in any order") {
  MemoryImage image;
  image.AddSegment(0x1004, Bytes("efgh"));
  image.AddSegment(0x1000, Bytes("abcd"));
  image.Seal();
  CHECK(ReadString(image, 0x1002, 4) == "cdef");
  CHECK(ReadString(image, 0x1000, 8) == "abcdefgh");
}

TEST_CASE("a read may span overlapping and nested segments") {
  MemoryImage image;
  image.AddSegment(0x1000, Bytes("abcdefgh"));
  image.AddSegment(0x1002, Bytes("cd"));
  image.AddSegment(0x1006, Bytes("ghij"));
  image.AddSegment(0x1006, Bytes("gh"));
  image.Seal();
  CHECK(ReadString(image, 0x1000, 10) == "abcdefghij");
  CHECK(ReadString(image, 0x1003, 6) == "defghi");
}

TEST_CASE("vector registers are there when the record has them") {
  const dlog_segment segment = {5, DLOG_VECTOR_BYTES, DLOG_SEGMENT_VECTOR, 0};
  std::vector<uint8_t> bytes(sizeof(segment) + DLOG_VECTOR_BYTES, 0x5a);
  std::memcpy(bytes.data(), &segment, sizeof(segment));
  dlog_record header = {};
  header.data_bytes = static_cast<uint32_t>(bytes.size());
  MemoryImage image;
  REQUIRE(LoadRecord(header, bytes, 0, &image).ok());
  CHECK(image.has_vector(5));
  CHECK_FALSE(image.has_vector(4));
  CHECK_FALSE(image.has_vector(16));
  CHECK(image.vector_value(5)[15] == 0x5a);
  image.Clear();
  CHECK_FALSE(image.has_vector(5));

  bytes[0] = 16;
  CHECK(LoadRecord(header, bytes, 0, &image).code() == absl::StatusCode::kDataLoss);
  bytes[0] = 5;
  header.data_bytes -= 1;
  CHECK(LoadRecord(header, bytes, 0, &image).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("a gap fails the read with the first missing address") {
  MemoryImage image;
  image.AddSegment(0x1000, Bytes("abcd"));
  image.AddSegment(0x1008, Bytes("ijkl"));
  image.Seal();
  char out[8];
  const ReadResult result = image.Read(0x1002, out, 8);
  CHECK(result.failure == ReadFailure::kNotCaptured);
  CHECK(result.address == 0x1004);
  CHECK(FailureReason(result) == "not captured");
}

TEST_CASE("a fault is told from bytes that were not asked for") {
  MemoryImage image;
  image.AddFault(0x7000, 16);
  image.AddFault(0x7008, 16);
  image.Seal();
  CHECK(ReadString(image, 0x7008, 4) == "0x7008");
  CHECK(ReadString(image, 0x7017, 1) == "0x7017");
  CHECK(ReadString(image, 0x7018, 1) == "not captured");
  CHECK(ReadString(image, 0x6fff, 1) == "not captured");
}

TEST_CASE("bytes that were captured win over a fault at the same place") {
  MemoryImage image;
  image.AddFault(0x1000, 16);
  image.AddSegment(0x1000, Bytes("abcd"));
  image.Seal();
  CHECK(ReadString(image, 0x1000, 4) == "abcd");
  CHECK(ReadString(image, 0x1000, 5) == "0x1004");
}

TEST_CASE("the first page is named by address even when nothing tried to read it") {
  MemoryImage image;
  image.Seal();
  CHECK(ReadString(image, 0x10, 4) == "0x10");
  CHECK(ReadString(image, 0, 4) == "0x0");
}

TEST_CASE("addresses at the very end of memory do not wrap") {
  MemoryImage image;
  image.AddSegment(0xffff'ffff'ffff'fffc, Bytes("abcdefgh"));
  image.AddFault(0xffff'ffff'ffff'fff0, 1000);
  image.Seal();
  CHECK(ReadString(image, 0xffff'ffff'ffff'fffc, 2) == "ab");
  CHECK(ReadString(image, 0, 1) == "0x0");
  CHECK(ReadString(image, 0x2000, 1) == "not captured");
}

TEST_CASE("RunAt stops at the end of a segment and at the maximum") {
  MemoryImage image;
  image.AddSegment(0x1000, Bytes("abcd"));
  image.Seal();
  CHECK(image.RunAt(0x1001, 100).size() == 3);
  CHECK(image.RunAt(0x1001, 2).size() == 2);
  CHECK(image.RunAt(0x1004, 1).empty());
}

TEST_CASE("Probe finds any captured byte of a range, else the reason") {
  MemoryImage image;
  image.AddSegment(0x1008, Bytes("a"));
  image.AddFault(0x2008, 4);
  image.Seal();
  CHECK(image.Probe(0x1000, 9).ok());
  CHECK(image.Probe(0x1000, 8).failure == ReadFailure::kNotCaptured);
  CHECK(image.Probe(0x2000, 16).failure == ReadFailure::kFault);
  CHECK(image.Probe(0x2000, 16).address == 0x2008);
  CHECK(image.Probe(0x2000, 8).failure == ReadFailure::kNotCaptured);
}

TEST_CASE("registers outside of the mask are absent") {
  MemoryImage image;
  image.SetRegister(5, 42);
  image.SetRegister(1000, 1);
  CHECK(image.has_register(5));
  CHECK(image.register_value(5) == 42);
  CHECK_FALSE(image.has_register(4));
  CHECK_FALSE(image.has_register(1000));
  image.Clear();
  CHECK_FALSE(image.has_register(5));
}

class RecordBuilder {
 public:
  void Segment(uint64_t address, uint32_t length, uint16_t status, std::string_view bytes) {
    const dlog_segment segment = {address, length, status, 0};
    const auto* raw = reinterpret_cast<const uint8_t*>(&segment);
    data.insert(data.end(), raw, raw + sizeof(segment));
    data.insert(data.end(), bytes.begin(), bytes.end());
    while (data.size() % 8 != 0) data.push_back(0);
    header.data_bytes = static_cast<uint32_t>(data.size());
  }
  absl::Status Load(MemoryImage* image) { return LoadRecord(header, data, 0xffffffff, image); }

  dlog_record header = {};
  std::vector<uint8_t> data;
};

TEST_CASE("a record becomes registers, bytes and faults") {
  RecordBuilder record;
  record.header.regs[7] = 0x7ffe;
  record.Segment(0x1000, 5, DLOG_SEGMENT_OK, "hello");
  record.Segment(0x10, 8, DLOG_SEGMENT_FAULT, "");
  record.Segment(0x2000, 3, DLOG_SEGMENT_TRUNCATED, "abc");
  MemoryImage image;
  REQUIRE(record.Load(&image).ok());
  CHECK(image.register_value(7) == 0x7ffe);
  CHECK(ReadString(image, 0x1000, 5) == "hello");
  CHECK(ReadString(image, 0x1005, 1) == "not captured");
  CHECK(ReadString(image, 0x2000, 3) == "abc");
  CHECK(ReadString(image, 0x10, 8) == "0x10");
}

TEST_CASE("registers that the plan did not ask for are not taken from a record") {
  RecordBuilder record;
  record.header.regs[3] = 0;
  MemoryImage image;
  REQUIRE(LoadRecord(record.header, record.data, 1u << 5, &image).ok());
  CHECK(image.has_register(5));
  CHECK_FALSE(image.has_register(3));
}

TEST_CASE("segments that do not add up are data loss") {
  MemoryImage image;
  RecordBuilder record;
  record.Segment(0x1000, 8, DLOG_SEGMENT_OK, "abcdefgh");

  SECTION("length beyond the record") {
    const uint32_t length = 0xfffffff9;  // padding it to eight wraps 32 bits
    std::memcpy(record.data.data() + 8, &length, sizeof(length));
  }
  SECTION("length one too long") {
    const uint32_t length = 9;
    std::memcpy(record.data.data() + 8, &length, sizeof(length));
  }
  SECTION("header cut") {
    record.data.resize(record.data.size() + 8);
    record.header.data_bytes += 8;
  }
  SECTION("more announced than there is") { record.header.data_bytes = 1000; }
  SECTION("unknown status") { record.data[12] = 99; }
  CHECK(record.Load(&image).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("an image can be filled again after a record that was refused") {
  MemoryImage image;
  RecordBuilder bad;
  bad.Segment(0x1000, 8, 99, "abcdefgh");
  REQUIRE_FALSE(bad.Load(&image).ok());
  RecordBuilder good;
  good.Segment(0x2000, 2, DLOG_SEGMENT_OK, "ok");
  REQUIRE(good.Load(&image).ok());
  CHECK(ReadString(image, 0x2000, 2) == "ok");
  CHECK(ReadString(image, 0x1000, 1) == "not captured");
}

}  // namespace
}  // namespace dlog::pipeline
