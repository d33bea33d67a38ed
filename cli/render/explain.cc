// SPDX-License-Identifier: Apache-2.0
#include "cli/render/explain.h"

#include <fmt/format.h>

#include <vector>

#include "cli/exit_status.h"
#include "cli/render/output.h"
#include "daemon/format/event_json.h"
#include "daemon/format/json_writer.h"

namespace dlog::cli {
namespace {

using format::JsonWriter;

// Measured on a 6.18 guest (design, kernel.md): the trap by class, the record, one read of user memory.
constexpr int kNopNs = 250;
constexpr int kEmulatedNs = 580;
constexpr int kSteppedNs = 25000;
constexpr int kRecordNs = 150;
constexpr int kReadNs = 40;
constexpr int kVectorsNs = 14000;  // the switch away from the thread
constexpr int kStartNs = 200;      // to note the start of a call, or to take it out again

const char* ChecksumName(v1::SourceChecksum checksum) {
  switch (checksum) {
    case v1::CHECKSUM_MATCH:
      return "match";
    case v1::CHECKSUM_DIFFERS:
      return "differs";
    default:
      return "unknown";
  }
}

std::string Address(uint64_t value) { return fmt::format("{:#x}", value); }

// The expressions of a site are parallel to those of the template.
std::string ExpressionText(const v1::ResolvedLogpoint& resolved, int i) {
  const auto& expressions = resolved.parsed_template().expressions();
  return i < expressions.size() ? expressions[i].text() : "";
}

// As events will have it.
v1::ValueStatus StatusOf(const v1::BoundExpression& bound) {
  return bound.status() == v1::STATUS_OK && !bound.recovered().empty() ? v1::STATUS_RECOVERED : bound.status();
}

std::string ReasonOf(const v1::BoundExpression& bound) {
  if (StatusOf(bound) == v1::STATUS_RECOVERED) return bound.recovered();
  if (bound.status() == v1::STATUS_OK || !bound.reason().empty()) return bound.reason();
  return "no reason was given";
}

void WriteVariable(const std::string& text, const v1::BoundExpression& bound, JsonWriter* json) {
  json->BeginObject().Key("expr").String(text).Key("type").String(bound.type_name());
  json->Key("status").String(format::StatusName(StatusOf(bound)));
  if (!bound.location().empty()) json->Key("location").String(bound.location());
  if (const std::string reason = ReasonOf(bound); !reason.empty()) json->Key("reason").String(reason);
  if (!bound.available_at().empty()) {
    json->Key("available_at").BeginArray();
    for (const uint32_t line : bound.available_at()) json->Uint(line);
    json->EndArray();
  }
  json->EndObject();
}

// `vars` asks each site for the names of all sites; a site shows those that it knows.
bool Shown(const v1::BoundExpression& bound, bool known_only) {
  return !known_only || bound.status() != v1::STATUS_ERROR;
}

using Bounds = google::protobuf::RepeatedPtrField<v1::BoundExpression>;

void WriteVariables(const v1::ResolvedLogpoint& resolved, const Bounds& expressions, bool known_only,
                    JsonWriter* json) {
  json->Key("variables").BeginArray();
  for (int i = 0; i < expressions.size(); ++i) {
    if (Shown(expressions[i], known_only)) WriteVariable(ExpressionText(resolved, i), expressions[i], json);
  }
  json->EndArray();
}

std::string VariablesText(const v1::ResolvedLogpoint& resolved, const Bounds& expressions, bool known_only) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < expressions.size(); ++i) {
    const v1::BoundExpression& bound = expressions[i];
    const bool ok = bound.status() == v1::STATUS_OK;
    if (!Shown(bound, known_only)) continue;
    rows.push_back({"  " + ExpressionText(resolved, i), bound.type_name(),
                    std::string(format::StatusName(StatusOf(bound))), ok ? bound.location() : ReasonOf(bound)});
  }
  return RenderTable(rows);
}

void WriteSite(const v1::ResolvedLogpoint& resolved, const v1::Statement& statement, bool is_entry, bool known_only,
               JsonWriter* json) {
  const v1::CandidateSite& site = statement.candidates(0);
  json->BeginObject().Key("function").String(statement.function()).Key("inlined").Bool(statement.inlined());
  json->Key("statement_address").String(Address(statement.statement_address()));
  json->Key("probe_address").String(Address(site.probe_address()));
  json->Key("instruction").String(site.instruction()).Key("class").String(ClassName(site.instruction_class()));
  if (is_entry) json->Key("role").String("entry");
  json->Key("moved").Bool(site.moved());
  if (!site.reason().empty()) json->Key("reason").String(site.reason());
  if (!site.between().empty()) {
    json->Key("between").BeginArray();
    for (const std::string& instruction : site.between()) json->String(instruction);
    json->EndArray();
  }
  json->Key("predicted_ns").Int(PredictedNanoseconds(site));
  WriteVariables(resolved, site.expressions(), known_only, json);
  json->EndObject();
}

void WriteRefused(const v1::ResolvedLogpoint& resolved, const v1::RefusedSite& refused, bool known_only,
                  JsonWriter* json) {
  json->BeginObject().Key("statement_address").String(Address(refused.statement_address()));
  if (!refused.function().empty()) json->Key("function").String(refused.function());
  json->Key("instruction").String(refused.instruction()).Key("reason").String(refused.reason());
  if (!refused.expressions().empty()) WriteVariables(resolved, refused.expressions(), known_only, json);
  json->EndObject();
}

std::string SiteText(const v1::ResolvedLogpoint& resolved, const v1::Statement& statement, bool is_entry,
                     bool known_only) {
  const v1::CandidateSite& site = statement.candidates(0);
  std::string out = fmt::format("{} {:#x}  {}{}\n", is_entry ? "entry" : "site", site.probe_address(),
                                statement.function(), statement.inlined() ? " (inlined)" : "");
  out += fmt::format("  {}  {}  about {} ns per hit\n", site.instruction(), ClassName(site.instruction_class()),
                     PredictedNanoseconds(site));
  if (site.moved()) out += fmt::format("  moved from {:#x}: {}\n", statement.statement_address(), site.reason());
  for (const std::string& instruction : site.between()) out += fmt::format("    {}\n", instruction);
  return Harmless(out) + VariablesText(resolved, site.expressions(), known_only);
}

}  // namespace

std::string ClassName(v1::InstructionClass instruction_class) {
  switch (instruction_class) {
    case v1::CLASS_NOP:
      return "nop";
    case v1::CLASS_EMULATED:
      return "emulated";
    default:
      return "stepped";
  }
}

int PredictedNanoseconds(const v1::CandidateSite& site) {
  int ns = kRecordNs;
  switch (site.instruction_class()) {
    case v1::CLASS_NOP:
      ns += kNopNs;
      break;
    case v1::CLASS_EMULATED:
      ns += kEmulatedNs;
      break;
    default:
      ns += kSteppedNs;
  }
  const auto reads = [](const auto& ops) {
    int count = 0;
    for (const v1::CaptureOp& op : ops) {
      const auto code = op.code();
      count += code == v1::CAP_LOAD || code == v1::CAP_COPY || code == v1::CAP_COPY_DYN || code == v1::CAP_CSTRING;
    }
    return count;
  };
  int count = reads(site.plan().condition()) + reads(site.plan().ops());
  // A routine runs at least once; how often in truth only the hit knows.
  for (const v1::CaptureRoutine& routine : site.plan().routines()) count += reads(routine.ops());
  if (site.plan().vector_mask() != 0) ns += kVectorsNs;
  if (site.has_return_slot()) ns += kStartNs;
  return ns + count * kReadNs;
}

std::string ExplainJson(const v1::ResolvedLogpoint& resolved, bool known_only) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Key("file").String(resolved.file()).Key("line").Uint(resolved.line());
  json.Key("requested_line").Uint(resolved.requested_line());
  if (!resolved.moved_reason().empty()) json.Key("moved_reason").String(resolved.moved_reason());
  const v1::BinaryInfo& binary = resolved.binary();
  json.Key("binaries").BeginArray().BeginObject().Key("path").String(binary.path());
  json.Key("build_id").String(Hex(binary.build_id())).Key("debug_file").String(binary.debug_file());
  json.Key("source_checksum").String(ChecksumName(binary.source_checksum())).EndObject().EndArray();
  json.Key("sites").BeginArray();
  for (const v1::Statement& statement : resolved.statements()) WriteSite(resolved, statement, false, known_only, &json);
  for (const v1::Statement& entry : resolved.entries()) {
    if (!entry.candidates().empty()) WriteSite(resolved, entry, true, known_only, &json);
  }
  json.EndArray().Key("refused").BeginArray();
  for (const v1::RefusedSite& refused : resolved.refused()) WriteRefused(resolved, refused, known_only, &json);
  json.EndArray();
  if (!resolved.warnings().empty()) {
    json.Key("warnings").BeginArray();
    for (const std::string& warning : resolved.warnings()) json.String(warning);
    json.EndArray();
  }
  json.EndObject();
  return out;
}

std::string ExplainText(const v1::ResolvedLogpoint& resolved, bool known_only) {
  std::string out = fmt::format("{}:{}", resolved.file(), resolved.line());
  if (!resolved.moved_reason().empty()) {
    out += fmt::format("  (asked for line {}: {})", resolved.requested_line(), resolved.moved_reason());
  }
  const v1::BinaryInfo& binary = resolved.binary();
  out += fmt::format("\nbinary {}  build-id {}\n", binary.path(),
                     binary.build_id().empty() ? "none" : Hex(binary.build_id()));
  if (binary.debug_file() != binary.path()) out += fmt::format("debug file {}\n", binary.debug_file());
  out = Harmless(out);
  for (const v1::Statement& statement : resolved.statements()) out += SiteText(resolved, statement, false, known_only);
  for (const v1::Statement& entry : resolved.entries()) {
    if (!entry.candidates().empty()) out += SiteText(resolved, entry, true, known_only);
  }
  for (const v1::RefusedSite& refused : resolved.refused()) {
    out += Harmless(fmt::format("refused {:#x}  {}  {}: {}\n", refused.statement_address(), refused.function(),
                                refused.instruction(), refused.reason()));
    out += VariablesText(resolved, refused.expressions(), known_only);
  }
  std::string rest;
  for (const std::string& warning : resolved.warnings()) rest += fmt::format("warning: {}\n", warning);
  return out + Harmless(rest);
}

std::string LinesJson(const v1::FileLines& lines) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Key("file").String(lines.file()).Key("lines").BeginArray();
  for (const v1::LineInfo& line : lines.lines()) {
    json.BeginObject().Key("line").Uint(line.line()).Key("sites").Uint(line.sites());
    json.Key("class").String(ClassName(line.instruction_class())).EndObject();
  }
  json.EndArray().EndObject();
  return out;
}

std::string LinesText(const v1::FileLines& lines) {
  std::vector<std::vector<std::string>> rows = {{"LINE", "SITES", "CLASS"}};
  for (const v1::LineInfo& line : lines.lines()) {
    rows.push_back({std::to_string(line.line()), std::to_string(line.sites()), ClassName(line.instruction_class())});
  }
  return Harmless(lines.file()) + "\n" + RenderTable(rows);
}

}  // namespace dlog::cli
