// SPDX-License-Identifier: Apache-2.0
#pragma once

// Defined in builds with AddressSanitizer or ThreadSanitizer: their run-time needs system calls that the filter forbids
// and more address space than the limits give, so the worker runs without both there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DLOG_SANITIZER_BUILD
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DLOG_SANITIZER_BUILD
#endif
#endif

namespace dlog::sandbox {

#ifdef DLOG_SANITIZER_BUILD
inline constexpr bool kSanitizerBuild = true;
#else
inline constexpr bool kSanitizerBuild = false;
#endif

}  // namespace dlog::sandbox
