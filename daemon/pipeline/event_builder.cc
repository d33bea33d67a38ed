// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/event_builder.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/format/format_spec.h"
#include "daemon/format/template_renderer.h"
#include "daemon/format/text_escape.h"
#include "daemon/format/time_text.h"
#include "daemon/pipeline/exe_cache.h"
#include "daemon/pipeline/wall_clock.h"

namespace dlog::pipeline {
namespace {

format::RenderLimits LimitsOf(const v1::Limits& limits, uint16_t record_flags) {
  format::RenderLimits render;
  if (limits.depth() != 0) render.depth = limits.depth();
  if (limits.items() != 0) render.items = limits.items();
  if (limits.string_bytes() != 0) render.string_bytes = limits.string_bytes();
  render.record_flags = record_flags;
  return render;
}

// "no location at 0x41e3; available on line 45"
std::string UnavailableReason(const v1::BoundExpression& bound) {
  if (bound.available_at().empty() || bound.reason().find("available on line") != std::string::npos) {
    return bound.reason();
  }
  return absl::StrCat(bound.reason(), bound.reason().empty() ? "" : "; ", "available on line",
                      bound.available_at_size() == 1 ? " " : "s ", absl::StrJoin(bound.available_at(), ", "));
}

void SetUnavailable(v1::ValueStatus status, std::string_view reason, event::Value* value) {
  value->set_status(status);
  value->set_text(format::StatusText(status, reason));
  value->set_reason(reason);
}

template <typename T>
void SetFormatted(const T& argument, const std::string& spec, event::Value* value) {
  std::string text;
  std::string error;
  if (format::FormatWithSpec(spec, argument, &text, &error)) {
    value->set_text(text);
  } else {
    value->clear_scalar();
    SetUnavailable(v1::STATUS_ERROR, error, value);
  }
}

// Names that the record answers, not the target's memory. False for all others.
bool FillPseudoVariable(const v1::TemplateExpression& expression, const event::Event& event, event::Value* value) {
  const std::string& name = expression.text();
  if (name.empty() || name.front() != '$') return false;
  if (name == "$pid" || name == "$tid") {
    const int32_t number = name == "$pid" ? event.pid : event.tid;
    value->refer_type("int");
    value->set_int_value(number);
    SetFormatted(number, expression.format(), value);
    return true;
  }
  if (name != "$comm" && name != "$time") return false;
  std::string text(event.comm);
  if (name == "$time") {
    text.clear();
    format::AppendTime(event.time_unix_ns, 9, &text);
  }
  value->refer_type("string");
  value->set_string_value(text);
  SetFormatted(std::string_view(text), expression.format(), value);
  return true;
}

// Names for addresses of functions of the probed binary: where it is in memory follows from the address of the hit.
format::SymbolLookup FunctionLookup(const v1::ResolvedLogpoint& resolved, const v1::CandidateSite& site,
                                    const dlog_record& header) {
  constexpr uint32_t kRip = 16;
  if (resolved.functions().empty() || (site.plan().register_mask() >> kRip & 1) == 0) return {};
  const uint64_t bias = header.regs[kRip] - site.probe_address();
  return [&resolved, bias](uint64_t address) -> std::string {
    const auto& functions = resolved.functions();
    const auto found = std::lower_bound(functions.begin(), functions.end(), address - bias,
                                        [](const v1::FunctionSymbol& f, uint64_t a) { return f.address() < a; });
    return found != functions.end() && found->address() == address - bias ? found->name() : std::string();
  };
}

// `bytes` as valid UTF-8; `before` is the answer when it is the same.
std::string_view Shown(std::string_view bytes, std::string_view before, event::Storage* storage) {
  if (bytes == before && format::IsPlain(bytes)) return before;
  std::string out;
  format::AppendBare(bytes, &out);
  return storage->Copy(out);
}

}  // namespace

struct EventBuilder::Impl {
  MemoryImage image;
  WallClock clock;
  ExeCache executables;

  const event::Source* SourceOf(const LogpointContext& context, const v1::Statement& statement, event::Batch* batch);
  void FillOrigin(const dlog_record& header, event::Batch* batch);
  void FillValues(const LogpointContext& context, const v1::CandidateSite& site, const dlog_record& header,
                  event::Batch* batch);
};

// The one of `batch`, which most often is that of the event before.
const event::Source* EventBuilder::Impl::SourceOf(const LogpointContext& context, const v1::Statement& statement,
                                                  event::Batch* batch) {
  if (const event::Source* known = batch->FindSource(&context, &statement)) return known;
  event::Source* source = batch->AddSource(&context, &statement);
  source->logpoint = context.spec.id();
  source->kind = context.spec.kind() == v1::KIND_UNSPECIFIED ? v1::KIND_LOG : context.spec.kind();
  source->level = context.spec.level() == v1::LEVEL_UNSPECIFIED ? v1::LEVEL_INFO : context.spec.level();
  source->file = context.resolved.file();
  source->line = context.resolved.line();
  source->function = statement.function();
  source->inlined = statement.inlined();
  source->build_id = batch->storage().Copy(absl::BytesToHexString(context.resolved.binary().build_id()));
  source->host = context.host;
  source->tags.assign(context.spec.tags().begin(), context.spec.tags().end());
  return source;
}

void EventBuilder::Impl::FillOrigin(const dlog_record& header, event::Batch* batch) {
  event::Event* event = batch->last();
  event->time_unix_ns = clock.UnixNs(header.boot_ns);
  event->pid = static_cast<int32_t>(header.tgid);
  event->tid = static_cast<int32_t>(header.tid);
  // A process names itself: any bytes, and all sixteen when it likes.
  const std::string_view comm(header.comm, strnlen(header.comm, sizeof(header.comm)));
  const ProcessOrigin& process = executables.Find(header.tgid, header.boot_ns);
  // Mostly the same as in the event before.
  const event::Event* before = batch->size() > 1 ? event - 1 : nullptr;
  event->comm = Shown(comm, before == nullptr ? std::string_view() : before->comm, &batch->storage());
  event->exe = Shown(process.exe, before == nullptr ? std::string_view() : before->exe, &batch->storage());
  if (!process.container.id.empty()) event->container_id = batch->storage().Copy(process.container.id);
  if (!process.container.pod_uid.empty()) event->pod_uid = batch->storage().Copy(process.container.pod_uid);
}

void EventBuilder::Impl::FillValues(const LogpointContext& context, const v1::CandidateSite& site,
                                    const dlog_record& header, event::Batch* batch) {
  event::Event* event = batch->last();
  event::Text& text = batch->storage().text();
  const format::RenderLimits limits = LimitsOf(context.spec.limits(), header.flags);
  const format::SymbolLookup functions = FunctionLookup(context.resolved, site, header);
  const v1::ParsedTemplate& parsed = context.resolved.parsed_template();
  for (int i = 0; i < parsed.expressions_size(); ++i) {
    const v1::TemplateExpression& expression = parsed.expressions(i);
    event::Value* value = event->values.Add(&batch->storage());
    value->refer_name(expression.text());
    if (FillPseudoVariable(expression, *event, value)) continue;
    if (i >= site.expressions_size()) {
      SetUnavailable(v1::STATUS_ERROR, "malformed plan: expression is not bound", value);
      continue;
    }
    const v1::BoundExpression& bound = site.expressions(i);
    if (bound.status() != v1::STATUS_OK) {
      SetUnavailable(bound.status(), UnavailableReason(bound), value);
    } else {
      format::RenderValue(bound.value(), context.resolved.types(), image, limits, expression.format(), functions, value,
                          &text);
      if (!bound.recovered().empty() && value->status() == v1::STATUS_OK) {
        value->set_status(v1::STATUS_RECOVERED);
        value->set_reason(bound.recovered());
      }
    }
    if (!bound.type_name().empty()) value->refer_type(bound.type_name());
  }
  const size_t message = text.size();
  format::RenderTemplate(parsed, event->values, &text);
  event->message = text.view(message);
}

EventBuilder::EventBuilder() : impl_(std::make_unique<Impl>()) {}
EventBuilder::~EventBuilder() = default;

absl::Status EventBuilder::Build(const LogpointContext& context, size_t site, const dlog_record& header,
                                 std::span<const uint8_t> segments, event::Batch* batch) {
  if (site >= context.sites.size()) return absl::DataLossError(absl::StrCat("record of unknown site ", site));
  const LogpointContext::Site& position = context.sites[site];
  if (position.statement < 0 || position.statement >= context.resolved.statements_size()) {
    return absl::DataLossError(absl::StrCat("site ", site, " has no statement"));
  }
  const v1::Statement& statement = context.resolved.statements(position.statement);
  if (position.candidate < 0 || position.candidate >= statement.candidates_size()) {
    return absl::DataLossError(absl::StrCat("site ", site, " has no candidate"));
  }
  const v1::CandidateSite& candidate = statement.candidates(position.candidate);
  if (absl::Status status = LoadRecord(header, segments, candidate.plan().register_mask(), &impl_->image);
      !status.ok()) {
    return status;
  }
  impl_->image.SetProbeAddress(candidate.probe_address());
  batch->Add(impl_->SourceOf(context, statement, batch));
  impl_->FillOrigin(header, batch);
  impl_->FillValues(context, candidate, header, batch);
  return absl::OkStatus();
}

}  // namespace dlog::pipeline
