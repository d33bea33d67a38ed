// SPDX-License-Identifier: Apache-2.0
#include "test/captures/own_program.h"

#include <elf.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

#include "daemon/event/storage.h"
#include "daemon/format/event_json.h"
#include "symbolizer/code/instruction.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/plan/plan_builder.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

constexpr size_t kMostInstructionBytes = 15;

std::vector<dlog_op> Slice(const attach::AssembledPlan& plan, const dlog_range& range) {
  return {plan.ops.begin() + range.first, plan.ops.begin() + range.first + range.count};
}

}  // namespace

OwnProgram::OwnProgram(const std::string& function, const std::vector<std::string>& expressions) {
  auto module = dwarf::Module::Open("/proc/self/exe", {});
  REQUIRE(module.ok());
  auto functions = dwarf::FunctionsNamed(**module, function);
  REQUIRE((functions.ok() && !functions->empty()));
  const LinkAddress entry = functions->front().entry;
  auto scope = dwarf::FunctionAt(**module, functions->front().unit, entry);
  REQUIRE(scope.ok());
  auto catalog = visualizers::Catalog::BuiltIn();
  REQUIRE(catalog.ok());

  std::string text;
  for (const std::string& expression : expressions) text += "{" + expression + "}";
  auto parsed = expr::ParseTemplate(text);
  INFO(parsed.status().ToString());
  REQUIRE(parsed.ok());
  plan::PlanRequest request;
  for (const expr::TemplateExpression& part : parsed->expressions) {
    request.values.push_back({part.ast.get(), part.text, part.format, part.count.get()});
    formats_.push_back(part.format);
  }
  plan::SiteContext site;
  const std::vector<dwarf::LineRow> no_rows;
  site.module = module->get();
  site.scope = &*scope;
  site.point = {entry, entry};
  site.rows = &no_rows;
  dwarf::TypeGraph types(**module, &types_);
  plan::Shaper shaper(*catalog, &types);
  plan::SitePlan built = plan::BuildSitePlan(request, site, &types, &shaper);
  values_ = std::move(built.expressions);
  capture_ = std::move(built.plan);
  auto assembled = attach::AssemblePlan(capture_);
  INFO(assembled.status().ToString());
  REQUIRE(assembled.ok());
  assembled_ = *std::move(assembled);

  auto offset = (*module)->binary().ToFileOffset(entry);
  REQUIRE(offset.ok());
  offset_ = *offset;
  entry_ = entry.value;
  const auto image = (*module)->binary().image();
  REQUIRE(offset_.value + kMostInstructionBytes <= image.size());
  auto instruction = code::Decode(image.subspan(offset_.value, kMostInstructionBytes), entry);
  REQUIRE(instruction.ok());
  const auto bytes = image.subspan(offset_.value, instruction->length);
  instruction_.assign(bytes.begin(), bytes.end());
}

std::vector<std::string> OwnProgram::Show(const pipeline::MemoryImage& image, uint16_t record_flags) const {
  format::RenderLimits limits;
  limits.record_flags = record_flags;
  std::vector<std::string> out;
  event::Storage storage;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].status() != v1::STATUS_OK) {
      out.push_back("refused: " + values_[i].reason());
      continue;
    }
    event::Value* value = storage.NewValue();
    format::RenderValue(values_[i].value(), types_, image, limits, formats_[i], nullptr, value, &storage.text());
    event::Text json;
    format::AppendValueJson(*value, format::ValuePlace::kExpression, &json);
    out.push_back(std::string(format::StatusName(value->status())) + " " + std::string(value->text()) + " " +
                  std::string(json.view()));
  }
  return out;
}

std::vector<std::string> OwnProgram::Capture(const FakeMemory& memory, const uint64_t* registers, int* reads) const {
  HostInterpreter run;
  run.memory = memory;
  std::copy_n(registers, run.registers.size(), run.registers.begin());
  run.max_bytes = max_bytes_;
  run.capture = Slice(assembled_, assembled_.capture);
  for (const dlog_range& range : assembled_.routines) run.routines.push_back(Slice(assembled_, range));
  run.RunCapture();
  if (reads != nullptr) *reads = run.memory.reads;
  pipeline::MemoryImage image;
  for (unsigned i = 0; i < run.registers.size(); ++i) {
    if (register_mask() >> i & 1) image.SetRegister(i, run.registers[i]);
  }
  const std::vector<Segment> segments = run.segments();
  for (const Segment& segment : segments) {
    if (segment.status == DLOG_SEGMENT_FAULT) {
      image.AddFault(segment.address, segment.length);
    } else if (segment.status == DLOG_SEGMENT_TORN) {
      image.AddTorn(segment.address, segment.length);
    } else {
      image.AddSegment(segment.address, segment.bytes);
    }
  }
  image.SetProbeAddress(entry_);
  image.Seal();
  return Show(image, static_cast<uint16_t>(run.flags()));
}

FakeMemory MemoryOfProcess(int pid) {
  FakeMemory memory;
  memory.missing_page = [pid](uint64_t address, uint8_t* bytes) {
    const iovec to = {bytes, FakeMemory::kPage};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
    const iovec from = {reinterpret_cast<void*>(address), FakeMemory::kPage};
    return process_vm_readv(pid, &to, 1, &from, 1, 0) == static_cast<ssize_t>(FakeMemory::kPage);
  };
  return memory;
}

FakeMemory MemoryOfCore(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  auto file = std::make_shared<std::string>(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  Elf64_Ehdr header;
  REQUIRE(file->size() >= sizeof(header));
  std::memcpy(&header, file->data(), sizeof(header));
  REQUIRE(header.e_type == ET_CORE);
  auto segments = std::make_shared<std::vector<Elf64_Phdr>>(header.e_phnum);
  REQUIRE(header.e_phoff + segments->size() * sizeof(Elf64_Phdr) <= file->size());
  std::memcpy(segments->data(), file->data() + header.e_phoff, segments->size() * sizeof(Elf64_Phdr));
  FakeMemory memory;
  memory.missing_page = [file, segments](uint64_t address, uint8_t* bytes) {
    for (const Elf64_Phdr& segment : *segments) {
      const uint64_t skip = address - segment.p_vaddr;
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr || skip + FakeMemory::kPage > segment.p_filesz)
        continue;
      if (segment.p_offset + skip + FakeMemory::kPage > file->size()) return false;
      std::memcpy(bytes, file->data() + segment.p_offset + skip, FakeMemory::kPage);
      return true;
    }
    return false;
  };
  return memory;
}

}  // namespace dlog::test
