// SPDX-License-Identifier: Apache-2.0
//
// The files that one side of a TLS connection needs, all in PEM form.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace dlog::tls {

struct Files {
  std::string ca;    // authorities that the peer's certificate must come from
  std::string cert;  // own certificate, then those between it and its authority; empty: none
  std::string key;   // its private key; empty: none
  bool empty() const { return ca.empty() && cert.empty() && key.empty(); }
  friend bool operator==(const Files&, const Files&) = default;
};

// Whether the named files can be read, hold what they should, belong together, and the certificate is valid now. An
// error names the file.
absl::Status CheckFiles(const Files& files);

// The whole of a file. NotFound, PermissionDenied and the like name it.
absl::StatusOr<std::string> ReadPem(const std::string& path);

}  // namespace dlog::tls
