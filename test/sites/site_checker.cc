// SPDX-License-Identifier: Apache-2.0
//
// Whether a moved probe logs what the statement's own instruction would: executes a real program step by step, runs the
// capture plans of both places whenever it comes there, and compares what they would log.
//
//   site_checker --binary shop --file order.cc [--file ...] [--lines N] [--executions N] [--steps N] -- shop --orders
//   50 site_checker --binary shop --file order.cc --shares        only counts statements by kind of site
//   site_checker --binary shop --file order.cc --reasons          and says why those that are left were not moved
//
// Exit status 0: no difference; 1: differences, each printed once per pair; 2: nothing could be checked.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "test/sites/pairs.h"
#include "test/sites/plan_runner.h"
#include "test/sites/tracee.h"

namespace {

using dlog::test::Pair;

struct Options {
  std::string binary;
  std::vector<std::string> files;
  std::vector<std::string> argv;
  size_t lines = 1000000;
  uint64_t executions = 100000;
  uint64_t steps = ~uint64_t{0};
  bool shares = false;
  bool reasons = false;
};

std::vector<std::string> Texts(const dlog::event::Event& event) {
  std::vector<std::string> out;
  for (const auto& value : event.values) out.emplace_back(value.text());
  return out;
}

class Checker {
 public:
  Checker(const std::vector<Pair>& pairs, dlog::test::Tracee* tracee, uint64_t bias)
      : pairs_(pairs), tracee_(tracee), runner_(tracee->pid()) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      places_[pairs[i].statement + bias].push_back(i);
      places_[pairs[i].probe + bias].push_back(i);
    }
    reported_.resize(pairs.size());
    bias_ = bias;
  }

  std::vector<uint64_t> Places() const {
    std::vector<uint64_t> out;
    for (const auto& [address, indices] : places_) out.push_back(address);
    return out;
  }

  // Before each instruction. True while a pair is half done.
  bool At(pid_t thread, uint64_t address) {
    auto& pending = pending_[thread];
    const auto place = places_.find(address);
    if (place == places_.end()) return !pending.empty();
    for (const size_t index : place->second) AtPlace(thread, address, index, &pending);
    return !pending.empty();
  }

  uint64_t executions() const { return executions_; }
  uint64_t differences() const { return differences_; }
  uint64_t values() const { return values_; }
  size_t pairs_executed() const { return executed_.size(); }

 private:
  using Pending = std::map<size_t, std::vector<std::string>>;

  void AtPlace(pid_t thread, uint64_t address, size_t index, Pending* pending) {
    const Pair& pair = pairs_[index];
    const uint64_t first = std::min(pair.statement, pair.probe) + bias_;
    const auto seen = pending->find(index);
    const bool is_first = address == first;
    if (is_first != (seen == pending->end())) {
      Differ(index, is_first ? "came to the first place twice" : "came to the second place without the first", "", "");
      if (!is_first) return;
      pending->erase(index);
    }
    const auto texts = Capture(thread, pair, address == pair.statement + bias_);
    if (is_first) {
      pending->emplace(index, texts);
      return;
    }
    ++executions_;
    executed_[index] = true;
    values_ += texts.size();
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i] != seen->second[i]) Differ(index, "value " + std::to_string(i), seen->second[i], texts[i]);
    }
    pending->erase(seen);
  }

  std::vector<std::string> Capture(pid_t thread, const Pair& pair, bool at_statement) {
    const auto& plan = at_statement ? pair.statement_plan : pair.probe_plan;
    auto record = runner_.Run(plan, tracee_->StateOf(thread, plan.vector_mask != 0));
    dlog::event::Batch batch;
    const size_t site = at_statement ? pair.statement_site : pair.probe_site;
    const auto status = builder_.Build(*pair.context, site, record.header, record.segments, &batch);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    return Texts(batch.events().front());
  }

  void Differ(size_t index, const std::string& what, const std::string& a, const std::string& b) {
    ++differences_;
    if (reported_[index]) return;
    reported_[index] = true;
    const Pair& pair = pairs_[index];
    printf("DIFFERENT %s: statement %#" PRIx64 ", probe %#" PRIx64 ": %s: '%s' then '%s'\n", pair.where.c_str(),
           pair.statement, pair.probe, what.c_str(), a.substr(0, 200).c_str(), b.substr(0, 200).c_str());
  }

  const std::vector<Pair>& pairs_;
  dlog::test::Tracee* const tracee_;
  dlog::test::PlanRunner runner_;
  dlog::pipeline::EventBuilder builder_;
  uint64_t bias_ = 0;
  std::unordered_map<uint64_t, std::vector<size_t>> places_;
  std::map<pid_t, Pending> pending_;
  std::vector<bool> reported_;
  std::map<size_t, bool> executed_;
  uint64_t executions_ = 0;
  uint64_t differences_ = 0;
  uint64_t values_ = 0;
};

Options Parse(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--") {
      out.argv.assign(argv + i + 1, argv + argc);
      break;
    }
    if (word == "--shares") {
      out.shares = true;
    } else if (word == "--reasons") {
      out.shares = out.reasons = true;
    } else if (word == "--binary" && has_value) {
      out.binary = argv[++i];
    } else if (word == "--file" && has_value) {
      out.files.emplace_back(argv[++i]);
    } else if (word == "--lines" && has_value) {
      out.lines = strtoull(argv[++i], nullptr, 10);
    } else if (word == "--executions" && has_value) {
      out.executions = strtoull(argv[++i], nullptr, 10);
    } else if (word == "--steps" && has_value) {
      out.steps = strtoull(argv[++i], nullptr, 10);
    } else {
      fprintf(stderr, "site_checker: what is '%s'?\n", word.c_str());
      exit(2);
    }
  }
  if (out.binary.empty() || out.files.empty() || (out.argv.empty() && !out.shares)) {
    fprintf(stderr, "usage: site_checker --binary FILE --file SUFFIX... [--shares | -- PROGRAM ARGUMENT...]\n");
    exit(2);
  }
  return out;
}

void PrintShare(const char* name, const dlog::test::PairBook::Share& share) {
  if (share.statements == 0) return;
  const double all = static_cast<double>(share.statements);
  printf("%-14s statements %6" PRIu64
         "  emulated %5.1f%%  moved %5.1f%%  together %5.1f%%  stepped %5.1f%%  refused %" PRIu64 "\n",
         name, share.statements, 100 * static_cast<double>(share.emulated) / all,
         100 * static_cast<double>(share.moved) / all, 100 * static_cast<double>(share.emulated + share.moved) / all,
         100 * static_cast<double>(share.stepped) / all, share.refused);
}

void PrintReasons(const char* name, const dlog::test::PairBook::Share& share) {
  for (const std::string& reason : share.reasons) printf("%s %s\n", name, reason.c_str());
}

int Run(const Options& options) {
  const auto book = dlog::test::FindPairs(options.binary, options.files, options.lines);
  PrintShare("all variables", book.all_variables);
  PrintShare("no variables", book.no_variables);
  if (options.reasons) {
    PrintReasons("all variables", book.all_variables);
    PrintReasons("no variables", book.no_variables);
  }
  if (options.shares) return 0;
  if (book.pairs.empty()) {
    printf("no statement would be moved\n");
    return 2;
  }
  dlog::test::Tracee tracee(options.argv);
  uint64_t bias = 0;
  if (!tracee.FindBias(options.binary, &bias)) {
    printf("the program does not map %s\n", options.binary.c_str());
    return 2;
  }
  Checker checker(book.pairs, &tracee, bias);
  uint64_t steps = 0;
  const auto done = [&] { return checker.executions() >= options.executions || steps >= options.steps; };
  // What lies between two places is stepped through only when there are several threads.
  tracee.RunThrough(
      checker.Places(), [&](pid_t thread, uint64_t address) { checker.At(thread, address); }, done);
  if (!done() && tracee.threads() > 0) {
    steps = tracee.Step(
        options.steps, [&](pid_t thread, uint64_t address) { return checker.At(thread, address); }, done);
  }
  printf("%zu pairs, %zu of them executed, %" PRIu64 " executions, %" PRIu64 " values compared, %" PRIu64
         " steps: %" PRIu64 " differences\n",
         book.pairs.size(), checker.pairs_executed(), checker.executions(), checker.values(), steps,
         checker.differences());
  if (checker.executions() == 0) return 2;
  return checker.differences() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  try {
    return Run(options);
  } catch (const std::exception& error) {
    fprintf(stderr, "site_checker: %s\n", error.what());
    return 2;
  }
}
