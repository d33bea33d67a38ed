// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::tls {
namespace {

constexpr size_t kMaxPemBytes = 4 << 20;  // the authorities of a whole distribution have a fraction of it

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPtr MemoryOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free_all};
}

absl::StatusOr<CertificatePtr> ReadCertificate(const std::string& path) {
  auto text = ReadPem(path);
  if (!text.ok()) return text.status();
  const BioPtr bio = MemoryOf(*text);
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  ERR_clear_error();
  if (certificate == nullptr) {
    return WithHint(absl::InvalidArgumentError(fmt::format("{} has no certificate in PEM form", path)),
                    "a certificate begins with -----BEGIN CERTIFICATE-----");
  }
  return certificate;
}

absl::StatusOr<KeyPtr> ReadKey(const std::string& path) {
  auto text = ReadPem(path);
  if (!text.ok()) return text.status();
  const BioPtr bio = MemoryOf(*text);
  // Without this OpenSSL would ask the terminal for the password of an encrypted key.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  ERR_clear_error();
  if (key == nullptr) {
    return WithHint(absl::InvalidArgumentError(fmt::format("{} has no private key in PEM form, or a locked one", path)),
                    "a key begins with -----BEGIN PRIVATE KEY-----; keys with a password are not supported");
  }
  return key;
}

std::string TimeOf(const ASN1_TIME* time) {
  const BioPtr bio(BIO_new(BIO_s_mem()), BIO_free_all);
  std::array<char, 64> text = {};
  ASN1_TIME_print(bio.get(), time);
  const int size = BIO_read(bio.get(), text.data(), static_cast<int>(text.size()) - 1);
  return {text.data(), size > 0 ? static_cast<size_t>(size) : 0};
}

absl::Status CheckOwn(const Files& files) {
  auto certificate = ReadCertificate(files.cert);
  if (!certificate.ok()) return certificate.status();
  auto key = ReadKey(files.key);
  if (!key.ok()) return key.status();
  const bool fits = X509_check_private_key(certificate->get(), key->get()) == 1;
  ERR_clear_error();
  if (!fits) {
    return WithHint(
        absl::InvalidArgumentError(fmt::format("{} is not the key of the certificate {}", files.key, files.cert)),
        "name the two files that were made together");
  }
  const ASN1_TIME* from = X509_get0_notBefore(certificate->get());
  const ASN1_TIME* until = X509_get0_notAfter(certificate->get());
  if (X509_cmp_current_time(until) < 0) {
    return WithHint(
        absl::FailedPreconditionError(fmt::format("the certificate {} has expired ({})", files.cert, TimeOf(until))),
        "have a new one made");
  }
  if (X509_cmp_current_time(from) > 0) {
    return WithHint(absl::FailedPreconditionError(
                        fmt::format("the certificate {} is not valid before {}", files.cert, TimeOf(from))),
                    "is the clock of this machine right?");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, fmt::format("cannot read {}", path));
  std::string text;
  std::array<char, 16384> chunk;
  while (true) {
    const ssize_t got = read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, fmt::format("cannot read {}", path));
    if (got == 0) break;
    text.append(chunk.data(), static_cast<size_t>(got));
    if (text.size() >= kMaxPemBytes) {
      return absl::InvalidArgumentError(fmt::format("{} is too large for certificates", path));
    }
  }
  return text;
}

absl::Status CheckFiles(const Files& files) {
  if (files.cert.empty() != files.key.empty()) {
    return WithHint(absl::InvalidArgumentError("a certificate and its key go together, and one is missing"),
                    "name both, or none");
  }
  if (!files.ca.empty()) {
    if (auto authority = ReadCertificate(files.ca); !authority.ok()) return authority.status();
  }
  return files.cert.empty() ? absl::OkStatus() : CheckOwn(files);
}

}  // namespace dlog::tls
