// SPDX-License-Identifier: Apache-2.0
//
// What systemd wants to hear of a Type=notify service (sd_notify(3)), without libsystemd.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace dlog::daemon {

// Sends "READY=1", "STOPPING=1", "WATCHDOG=1", ... to $NOTIFY_SOCKET. Does nothing when no service manager listens.
void NotifyServiceManager(const std::string& state);

// How often WATCHDOG=1 is to be sent: half of $WATCHDOG_USEC. None when the watchdog is off or watches another process.
std::optional<absl::Duration> WatchdogPeriod();

}  // namespace dlog::daemon
