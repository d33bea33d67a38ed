// SPDX-License-Identifier: Apache-2.0
#include "test/sites/pairs.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "symbolizer/resolver.h"

namespace dlog::test {
namespace {

v1::SymbolizerRequest Request(const std::string& binary, v1::SymbolizerRequest::Operation operation,
                              const std::string& location) {
  v1::SymbolizerRequest request;
  request.set_operation(operation);
  request.set_explain(true);
  request.set_root("/");
  request.mutable_spec()->set_location(location);
  request.mutable_spec()->set_template_("hit");
  auto* module = request.add_modules();
  module->set_open_path(binary);
  module->set_display_path(binary);
  return request;
}

void Count(const std::string& location, const v1::ResolvedLogpoint& resolved, PairBook::Share* share) {
  share->statements += static_cast<uint64_t>(resolved.statements_size() + resolved.refused_size());
  share->refused += static_cast<uint64_t>(resolved.refused_size());
  for (const v1::Statement& statement : resolved.statements()) {
    const v1::CandidateSite& first = statement.candidates(0);
    uint64_t* counter = first.moved()                                     ? &share->moved
                        : first.instruction_class() == v1::CLASS_EMULATED ? &share->emulated
                                                                          : &share->stepped;
    ++*counter;
    if (counter == &share->stepped) share->reasons.push_back(location + ": " + first.reason());
  }
}

class Collector {
 public:
  Collector(std::string binary, PairBook* book) : binary_(std::move(binary)), book_(book) {}

  void Line(const std::string& file, uint32_t line) {
    const std::string location = file + ":" + std::to_string(line);
    Add(v1::SymbolizerRequest::VARIABLES, location, &book_->all_variables);
    Add(v1::SymbolizerRequest::RESOLVE, location, &book_->no_variables);
  }

 private:
  void Add(v1::SymbolizerRequest::Operation operation, const std::string& location, PairBook::Share* share) {
    auto response = symbolizer::Resolve(Request(binary_, operation, location));
    if (!response.ok()) return;
    auto context = std::make_shared<pipeline::LogpointContext>();
    context->resolved = std::move(*response->mutable_resolved());
    Count(location, context->resolved, share);
    std::vector<Pair> pairs;
    for (int s = 0; s < context->resolved.statements_size(); ++s) {
      const v1::Statement& statement = context->resolved.statements(s);
      const int exact = statement.candidates_size() - 1;
      // Without the statement's own instruction there is nothing to compare with.
      if (statement.candidates(exact).moved()) continue;
      for (int c = 0; c < exact; ++c) AddPair(*context, s, c, exact, location, &context->sites, &pairs);
    }
    for (Pair& pair : pairs) {
      pair.context = context;
      book_->pairs.push_back(std::move(pair));
    }
  }

  void AddPair(const pipeline::LogpointContext& context, int s, int moved, int exact, const std::string& location,
               std::vector<pipeline::LogpointContext::Site>* sites, std::vector<Pair>* pairs) {
    const v1::Statement& statement = context.resolved.statements(s);
    auto at_statement = attach::AssemblePlan(statement.candidates(exact).plan());
    auto at_probe = attach::AssemblePlan(statement.candidates(moved).plan());
    if (!at_statement.ok() || !at_probe.ok()) {
      fprintf(stderr, "site_checker: %s: a plan does not assemble\n", location.c_str());
      return;
    }
    Pair pair;
    pair.statement_site = sites->size();
    sites->push_back({s, exact});
    pair.probe_site = sites->size();
    sites->push_back({s, moved});
    pair.statement = statement.statement_address();
    pair.probe = statement.candidates(moved).probe_address();
    pair.statement_plan = *std::move(at_statement);
    pair.probe_plan = *std::move(at_probe);
    pair.where = location + " " + statement.candidates(moved).reason();
    pairs->push_back(std::move(pair));
  }

  const std::string binary_;
  PairBook* const book_;
};

}  // namespace

PairBook FindPairs(const std::string& binary, const std::vector<std::string>& files, size_t max_lines) {
  PairBook book;
  Collector collector(binary, &book);
  for (const std::string& file : files) {
    auto response = symbolizer::Resolve(Request(binary, v1::SymbolizerRequest::LINES, file));
    if (!response.ok()) {
      fprintf(stderr, "site_checker: %s: %s\n", file.c_str(), response.status().ToString().c_str());
      continue;
    }
    const auto& lines = response->lines().lines();
    const size_t step = std::max<size_t>(1, (static_cast<size_t>(lines.size()) + max_lines - 1) / max_lines);
    for (size_t i = 0; i < static_cast<size_t>(lines.size()); i += step) {
      collector.Line(response->lines().file(), lines[static_cast<int>(i)].line());
    }
  }
  return book;
}

}  // namespace dlog::test
