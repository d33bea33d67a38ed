// SPDX-License-Identifier: Apache-2.0
//
// The whole worker on one file: a small program with DWARF, mutated. Asks for its lines, for every variable at a line,
// and for a template with members, so DIE trees, types, scopes, locations, CFI and code are all read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "symbolizer/resolver.h"
#include "symbolizer/valid_text.h"
#include "test/fuzz/memory_file.h"

namespace {

using dlog::v1::SymbolizerRequest;

void Ask(const std::string& path, SymbolizerRequest::Operation operation, const char* location, const char* text) {
  SymbolizerRequest request;
  request.set_operation(operation);
  request.set_root("/nonexistent");
  request.set_explain(true);
  request.mutable_spec()->set_location(location);
  request.mutable_spec()->set_template_(text);
  request.add_modules()->set_open_path(path);
  auto response = dlog::symbolizer::Resolve(request);
  if (!response.ok() && response.status().message().empty()) abort();
  if (response.ok()) dlog::symbolizer::MakeTextValid(&*response);  // as the worker does
  // What goes to the daemon must be a message again (valid UTF-8 in every string).
  dlog::v1::SymbolizerResponse parsed;
  if (response.ok() && !parsed.ParseFromString(response->SerializeAsString())) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dlog::fuzz::MemoryFile file(data, size);
  Ask(file.path(), SymbolizerRequest::LINES, "tiny.c", "");
  Ask(file.path(), SymbolizerRequest::VARIABLES, "tiny.c:19", "");
  Ask(file.path(), SymbolizerRequest::RESOLVE, "function:sum", "{list->next->value} {*list} {total:x} {$stack}");
  return 0;
}
