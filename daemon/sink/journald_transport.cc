// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/journald_transport.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace dlog::sink {
namespace {

constexpr absl::Duration kSendTimeout = absl::Seconds(10);

// syslog(3) priorities, which the journal uses too.
const char* PriorityOf(v1::Level level) {
  switch (level) {
    case v1::LEVEL_DEBUG:
      return "7";
    case v1::LEVEL_WARN:
      return "4";
    case v1::LEVEL_ERROR:
      return "3";
    default:
      return "6";
  }
}

// The form with a length in front, which any bytes fit in.
void AppendField(std::string_view name, std::string_view value, std::string* out) {
  if (value.empty()) return;
  out->append(name).append("\n");
  for (size_t i = 0; i < sizeof(uint64_t); ++i) {
    out->push_back(static_cast<char>((static_cast<uint64_t>(value.size()) >> (8 * i)) & 0xff));
  }
  out->append(value).append("\n");
}

UniqueFd SealedFile(const std::string& text) {
  UniqueFd fd(memfd_create("dlog-journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  size_t done = 0;
  while (fd.valid() && done < text.size()) {
    const ssize_t written = write(fd.get(), text.data() + done, text.size() - done);
    if (written <= 0) return UniqueFd();
    done += static_cast<size_t>(written);
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) return UniqueFd();
  return fd;
}

}  // namespace

std::string JournalEntry(const event::Event& event) {
  std::string out;
  AppendField("MESSAGE", event.message, &out);
  AppendField("PRIORITY", PriorityOf(event.source->level), &out);
  AppendField("SYSLOG_IDENTIFIER", event.comm, &out);
  AppendField("CODE_FILE", event.source->file, &out);
  AppendField("CODE_LINE", std::to_string(event.source->line), &out);
  AppendField("CODE_FUNC", event.source->function, &out);
  AppendField("OBJECT_PID", std::to_string(event.pid), &out);  // journald adds OBJECT_EXE, OBJECT_SYSTEMD_UNIT, ...
  AppendField("DLOG_LOGPOINT", event.logpoint(), &out);
  AppendField("DLOG_TIME_UNIX_NS", std::to_string(event.time_unix_ns), &out);
  AppendField("DLOG_PID", std::to_string(event.pid), &out);
  AppendField("DLOG_TID", std::to_string(event.tid), &out);
  AppendField("DLOG_EXE", event.exe, &out);
  AppendField("DLOG_BUILD_ID", event.source->build_id, &out);
  for (const std::string_view tag : event.source->tags) AppendField("DLOG_TAG", tag, &out);
  return out;
}

void JournaldTransport::Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) {
  for (const EventPtr& event : batch) {
    const std::string entry = JournalEntry(*event);
    Result result = Result::kAgain;
    while (result == Result::kAgain && !stop.PastDeadline()) {
      result = SendOnce(entry, stop);
      if (result == Result::kAgain) {
        fd_.Reset();
        (void)stop.Wait(backoff_.Next());
      }
    }
    if (result == Result::kDone) ++outcome->events;
    if (result == Result::kFailed) ++outcome->dropped["write_error"];
    if (result == Result::kAgain) ++outcome->dropped["shutdown"];
    if (result == Result::kDone) backoff_.Reset();
  }
}

JournaldTransport::Result JournaldTransport::SendOnce(const std::string& entry, const StopSignal& stop) {
  if (!fd_.valid()) {
    auto fd = ConnectDatagram(path_);
    if (!fd.ok()) return Result::kAgain;
    fd_ = *std::move(fd);
  }
  while (true) {
    const ssize_t sent = send(fd_.get(), entry.data(), entry.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return Result::kDone;
    if (errno == EMSGSIZE) return SendAsFile(entry, stop);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      if (!WaitReady(fd_.get(), POLLOUT, kSendTimeout, stop)) return Result::kAgain;
    } else if (errno != EINTR) {
      return Result::kAgain;
    }
  }
}

JournaldTransport::Result JournaldTransport::SendAsFile(const std::string& entry, const StopSignal& stop) {
  const UniqueFd file = SealedFile(entry);
  if (!file.valid()) return Result::kFailed;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = file.get();
  memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  while (sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) return Result::kAgain;
    if (!WaitReady(fd_.get(), POLLOUT, kSendTimeout, stop)) return Result::kAgain;
  }
  return Result::kDone;
}

}  // namespace dlog::sink
