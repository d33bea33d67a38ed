// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/logpoint.h"

#include <fmt/format.h>

#include <utility>

#include "absl/time/clock.h"

namespace dlog::daemon {
namespace {

int64_t CreatedOf(const LogpointSetup& setup) {
  return setup.created_unix_ns != 0 ? setup.created_unix_ns : absl::ToUnixNanos(absl::Now());
}

}  // namespace

LogpointSetup LogpointSetup::Continued(const Logpoint& before) const {
  LogpointSetup out;
  out.interactive = interactive;
  out.claimed = before.claimed();
  out.created = created;
  out.created_unix_ns = before.created_unix_ns();
  out.ledger = before.ClosedLedger();
  out.plan = plan;
  return out;
}

Logpoint::Logpoint(LogpointSetup setup, std::unique_ptr<Attachment> attachment, double attach_ms)
    : setup_(std::move(setup)),
      attach_ms_(attach_ms),
      generation_(attachment == nullptr ? 0 : attachment->generation()),
      created_unix_ns_(CreatedOf(setup_)),
      attach_warnings_(attachment == nullptr ? std::vector<std::string>() : attachment->warnings()),
      attachment_(std::move(attachment)),
      ledger_(setup_.ledger),
      reason_(setup_.reason),
      since_unix_ns_(absl::ToUnixNanos(absl::Now())),
      claimed_(setup_.claimed) {}

Logpoint::Logpoint(LogpointSetup setup, const std::string& state) : Logpoint(std::move(setup), nullptr, 0) {
  MutexLock lock(&mutex_);
  state_ = state;
  parked_ = true;
}

void Logpoint::Refresh() const {
  if (attachment_ != nullptr) ledger_.UpdateKernel(attachment_->Counters());
}

bool Logpoint::Accept(uint64_t batch, event::Event* event) {
  MutexLock lock(&mutex_);
  const uint64_t limit = context().spec.limits().hits();
  if (limit != 0 && ledger_.emitted() >= limit) {
    ledger_.Drop(DLOG_DROP_AFTER_END);
    return false;
  }
  if (batch_ != batch) {
    Refresh();
    batch_ = batch;
  }
  ledger_.Emit(event);
  if (factor_ > 1) event->throttle_factor = factor_;
  return true;
}

void Logpoint::Undecodable(const absl::Status& why) {
  MutexLock lock(&mutex_);
  ledger_.Drop(DLOG_DROP_DECODE);
  ++undecodable_;
  decode_error_ = std::string(why.message());
}

bool Logpoint::active() const {
  MutexLock lock(&mutex_);
  return attachment_ != nullptr;
}

bool Logpoint::parked() const {
  MutexLock lock(&mutex_);
  return parked_;
}

bool Logpoint::HitLimitReached() const {
  const uint64_t limit = context().spec.limits().hits();
  if (limit == 0) return false;
  MutexLock lock(&mutex_);
  Refresh();
  // A hit turned away for the limit means that as many were admitted; some of them may have been lost on the way here.
  return ledger_.emitted() >= limit || ledger_.after_end() > 0;
}

uint64_t Logpoint::InFlight() const {
  MutexLock lock(&mutex_);
  Refresh();
  return ledger_.in_flight();
}

bool Logpoint::Claim() {
  MutexLock lock(&mutex_);
  return !std::exchange(claimed_, true);
}

bool Logpoint::claimed() const {
  MutexLock lock(&mutex_);
  return claimed_;
}

Attachment* Logpoint::attachment() const {
  MutexLock lock(&mutex_);
  return attachment_.get();
}

// These are not under the lock: closing a link takes tens of milliseconds, and the drain thread must go on. The pointer
// stays valid because only Finish takes it away, on the thread of Detach and after the budget keeper was told.
void Logpoint::Detach() {
  if (Attachment* attached = attachment()) attached->Detach();
}

void Logpoint::SetAlarm(uint64_t hits) {
  if (Attachment* attached = attachment()) attached->SetAlarm(hits);
}

void Logpoint::Disarm() {
  if (Attachment* attached = attachment()) attached->Disarm();
}

absl::Status Logpoint::Rearm() {
  Attachment* attached = attachment();
  return attached == nullptr ? absl::OkStatus() : attached->Rearm();
}

attach::CounterValues Logpoint::KernelCounters() const {
  const Attachment* attached = attachment();
  return attached == nullptr ? attach::CounterValues() : attached->Counters();
}

void Logpoint::SetThrottled(double factor, const std::string& reason) {
  MutexLock lock(&mutex_);
  if (attachment_ == nullptr) return;
  const char* state = factor > 1 ? "throttled" : "active";
  if (state_ != state) since_unix_ns_ = absl::ToUnixNanos(absl::Now());
  state_ = state;
  reason_ = reason;
  factor_ = factor;
}

void Logpoint::SetOverhead(double cores) {
  MutexLock lock(&mutex_);
  overhead_ = cores;
}

void Logpoint::Close(const std::string& state, const std::string& reason) {
  Refresh();
  ledger_.GiveUpInFlight();
  state_ = state;
  reason_ = reason;
  since_unix_ns_ = absl::ToUnixNanos(absl::Now());
}

void Logpoint::Finish(const std::string& state, const std::string& reason, absl::Time now) {
  std::unique_ptr<Attachment> attachment;  // freed after the lock
  MutexLock lock(&mutex_);
  Close(state, reason);
  attachment = std::move(attachment_);
  parked_ = false;
  ended_ = now;
}

void Logpoint::Park(const std::string& state, const std::string& reason) {
  std::unique_ptr<Attachment> attachment;
  MutexLock lock(&mutex_);
  Close(state, reason);
  attachment = std::move(attachment_);
  parked_ = true;
}

void Logpoint::ChangeParked(const std::string& state, const std::string& reason) {
  MutexLock lock(&mutex_);
  if (!parked_ || (state_ == state && reason_ == reason)) return;
  if (state_ != state) since_unix_ns_ = absl::ToUnixNanos(absl::Now());
  state_ = state;
  reason_ = reason;
}

void Logpoint::Remark(const std::string& reason) {
  MutexLock lock(&mutex_);
  if (attachment_ != nullptr) reason_ = reason;
}

std::string Logpoint::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

Ledger Logpoint::ClosedLedger() const {
  MutexLock lock(&mutex_);
  Ledger ledger = ledger_;
  ledger.Rebase();
  return ledger;
}

absl::Time Logpoint::ended() const {
  MutexLock lock(&mutex_);
  return ended_;
}

v1::LogpointState Logpoint::State() const {
  v1::LogpointState out;
  *out.mutable_spec() = context().spec;
  const v1::ResolvedLogpoint& resolved = context().resolved;
  out.set_host(context().host);
  out.set_container_id(setup_.container.id);
  out.set_pod_uid(setup_.container.pod_uid);
  out.set_file(resolved.file());
  out.set_source_md5(resolved.binary().source_md5());
  out.set_line(resolved.line());
  out.set_sites(static_cast<uint32_t>(context().sites.size()));
  out.set_sites_refused(static_cast<uint32_t>(context().refused.size()) +
                        static_cast<uint32_t>(resolved.refused_size()));
  for (const std::string& warning : setup_.warnings) out.add_warnings(warning);
  for (const std::string& warning : attach_warnings_) out.add_warnings(warning);
  out.set_attach_ms(attach_ms_);
  out.set_resolve_ms(setup_.resolve_ms);
  out.set_created_unix_ns(created_unix_ns_);
  MutexLock lock(&mutex_);
  Refresh();
  *out.mutable_counters() = ledger_.ToProto();
  out.set_state(state_);
  out.set_reason(reason_);
  out.set_since_unix_ns(since_unix_ns_);
  out.set_throttle_factor(factor_);
  out.set_overhead_ratio(overhead_);
  if (undecodable_ != 0) {
    out.add_warnings(
        fmt::format("{} records could not be decoded, the last one because: {}", undecodable_, decode_error_));
  }
  return out;
}

}  // namespace dlog::daemon
