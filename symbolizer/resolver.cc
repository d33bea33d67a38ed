// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/resolver.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "symbolizer/base/redaction_rules.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/candidates.h"
#include "symbolizer/code/instruction.h"
#include "symbolizer/dwarf/cfi.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/entries.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/module_search.h"
#include "symbolizer/plan/capture_inputs.h"
#include "symbolizer/plan/plan_builder.h"
#include "symbolizer/site_finder.h"
#include "symbolizer/statements.h"
#include "symbolizer/visible_variables.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::symbolizer {
namespace {

constexpr size_t kMostSites = 4096;
constexpr char kDuration[] = "$duration";
constexpr uint32_t kRipRegister = 16;  // DWARF numbering, as in CapturePlan::register_mask

void Fill(plan::SitePlan built, v1::CandidateSite* candidate) {
  *candidate->mutable_plan() = std::move(built.plan);
  for (v1::BoundExpression& bound : built.expressions) *candidate->add_expressions() = std::move(bound);
}

// Maybe: the word is somewhere in the text of an expression.
bool Mentions(const plan::PlanRequest& request, std::string_view word) {
  const auto has = [word](const plan::SourceExpression& expression) {
    return expression.text.find(word) != std::string::npos;
  };
  return has(request.condition) || std::any_of(request.values.begin(), request.values.end(), has);
}

// Whether both plans have the same expressions with a value.
bool SameAvailability(const plan::SitePlan& a, const plan::SitePlan& b) {
  return a.condition_error.ok() == b.condition_error.ok() &&
         std::equal(a.expressions.begin(), a.expressions.end(), b.expressions.begin(), b.expressions.end(),
                    [](const auto& x, const auto& y) { return x.status() == y.status(); });
}

// The user's template and condition, parsed once; owns the ASTs that PlanRequest points to.
struct ParsedSpec {
  expr::Template text;
  expr::AstPtr condition;
  plan::PlanRequest request;
};

absl::Status SyntaxError(const absl::Status& status, std::string_view where) {
  absl::Status error = WithContext(status, where);
  if (!HintOf(error).empty()) return error;
  return WithHint(std::move(error),
                  where == "template"
                      ? "text {expression} {expression:format}; expressions are C++ without side effects: "
                        "names, members, [i], casts, arithmetic, comparisons"
                      : "a C++ expression without side effects: names, members, [i], casts, arithmetic, "
                        "comparisons, && and ||");
}

absl::StatusOr<ParsedSpec> ParseSpec(const v1::LogpointSpec& spec) {
  ParsedSpec parsed;
  auto text = expr::ParseTemplate(spec.template_());
  if (!text.ok()) return SyntaxError(text.status(), "template");
  parsed.text = *std::move(text);
  for (const expr::TemplateExpression& expression : parsed.text.expressions) {
    parsed.request.values.push_back({expression.ast.get(), expression.text, expression.format, expression.count.get()});
  }
  if (!spec.condition().empty()) {
    auto condition = expr::ParseExpression(spec.condition());
    if (!condition.ok()) return SyntaxError(condition.status(), "condition");
    parsed.condition = *std::move(condition);
    parsed.request.condition = {parsed.condition.get(), spec.condition(), ""};
  }
  if (spec.limits().items() != 0) parsed.request.limits.items = spec.limits().items();
  if (spec.limits().string_bytes() != 0) parsed.request.limits.string_bytes = spec.limits().string_bytes();
  return parsed;
}

void FillTemplate(const expr::Template& text, v1::ParsedTemplate* out) {
  for (const std::string& literal : text.literals) out->add_literals(literal);
  for (const expr::TemplateExpression& expression : text.expressions) {
    v1::TemplateExpression* e = out->add_expressions();
    e->set_text(expression.text);
    e->set_format(expression.format);
  }
}

// The functions that a pointer may be shown as; none when there are too many to carry in a plan.
bool AddFunctions(const dwarf::Module& module, v1::ResolvedLogpoint* out) {
  constexpr size_t kMostFunctions = 1 << 15;
  constexpr size_t kMostBytes = 1 << 20;
  std::map<uint64_t, const char*> functions;
  dwarf::ForEachFunctionSymbol(module, [&](const dwarf::FunctionSymbol& symbol) {
    if (functions.size() <= kMostFunctions) functions.try_emplace(symbol.begin.value, symbol.name);
  });
  size_t bytes = 0;
  for (const auto& [address, name] : functions) {
    v1::FunctionSymbol* symbol = out->add_functions();
    symbol->set_address(address);
    symbol->set_name(dwarf::WithoutParameters(dwarf::Demangle(name)));
    bytes += symbol->name().size() + sizeof(address);
  }
  if (functions.size() > kMostFunctions || bytes > kMostBytes) out->clear_functions();
  return out->functions_size() > 0;
}

// Builds the sites of one resolved location.
class SiteResolver {
 public:
  SiteResolver(const FoundLocation& found, const visualizers::Catalog& catalog, const RedactionRules& redaction,
               bool recover, v1::ResolvedLogpoint* out)
      : found_(found),
        types_(*found.module, out->mutable_types(), &redaction),
        shaper_(catalog, &types_),
        finder_(*found.module),
        recover_(recover),
        entries_(*found.module, &finder_, recover),
        out_(out) {}

  const std::vector<std::string>& misfits() const { return shaper_.misfits(); }

  absl::Status AddSite(StatementSite site, const plan::PlanRequest& request) {
    if (recover_ && !site.at_return && !site.scope.by_symbol) {
      site.entry = dwarf::EntryOf(*found_.module, site.scope.subprogram).value_or(LinkAddress{});
    }
    const auto refusal = [&](const std::string& instruction, absl::string_view reason) {
      v1::RefusedSite refused;
      refused.set_statement_address(site.address.value);
      refused.set_function(site.scope.name);
      refused.set_instruction(instruction);
      refused.set_reason(std::string(reason));
      return refused;
    };
    const auto refuse = [&](const std::string& instruction, absl::string_view reason) {
      *out_->add_refused() = refusal(instruction, reason);
    };
    auto judged = JudgeSite(*found_.module, site.address);
    if (!judged.ok()) {
      refuse("", judged.status().message());
      return absl::OkStatus();
    }
    auto rows = found_.lines->Rows(site.scope.unit);
    if (!rows.ok()) return rows.status();
    plan::SiteContext context;
    context.module = found_.module.get();
    context.scope = &site.scope;
    context.point.statement = context.point.probe = site.address;
    context.point.at_return = site.at_return;
    context.point.no_return_value = site.no_return_value;
    context.point.view = site.view;
    if (site.at_return && Mentions(request, kDuration)) context.point.no_duration = NoDuration(site);
    context.point.recover = KnowsEntry(site, site.address);
    context.rows = *rows;
    context.file = site.file;
    context.line = found_.located.line;
    plan::SitePlan built = plan::BuildSitePlan(request, context, &types_, &shaper_);
    const std::vector<absl::Status> user_errors = built.user_errors;
    if (!built.condition_error.ok()) {
      if (first_condition_error_.ok()) first_condition_error_ = built.condition_error;
      refuse(judged->instruction.text, plan::Summary(built.condition_error));
      return absl::OkStatus();
    }
    v1::Statement statement;
    statement.set_statement_address(site.address.value);
    statement.set_function(site.scope.name);
    statement.set_inlined(site.scope.inlined);
    std::string not_moved;
    const Entries::Wish wish = {built.asks_duration, built.plan.entry_mask()};
    if (wish.timed || wish.keeps != 0) {
      statement.set_entry(entries_.Use(site, wish, out_));
      statement.set_timed(wish.timed);
    }
    if (!IsEmulated(*judged)) not_moved = AddMoved(site, request, context, built, &statement);
    const bool own_refused = judged->instruction.probe_class == code::ProbeClass::kRefused;
    if (own_refused && statement.candidates().empty()) {
      refuse(judged->instruction.text, judged->instruction.refusal);
      for (v1::BoundExpression& bound : built.expressions) {
        bound.clear_value();
        *out_->mutable_refused()->rbegin()->add_expressions() = std::move(bound);
      }
      return absl::OkStatus();
    }
    if (own_refused) {
      *statement.mutable_own() = refusal(judged->instruction.text, judged->instruction.refusal);
    } else {
      v1::CandidateSite* own = statement.add_candidates();
      *own = CandidateAt(*judged, site.address);
      if (statement.entry() != 0) SetReturnSlot(*found_.module, site.address, PlaceOf(site), own);
      Fill(std::move(built), own);
      if (!not_moved.empty()) own->set_reason(absl::StrCat(own->reason(), "; ", not_moved));
    }
    *out_->add_statements() = std::move(statement);
    CountUserErrors(user_errors);
    return absl::OkStatus();
  }

  // Behind the last AddSite: what the values at the sites need beside them.
  void Finish() {
    const bool shows_functions = std::any_of(out_->types().begin(), out_->types().end(), [this](const v1::Type& type) {
      return type.kind() == v1::TYPE_POINTER && types_.at(type.target()).kind() == v1::TYPE_FUNCTION;
    });
    if (!shows_functions || !AddFunctions(*found_.module, out_)) return;
    // Where the module is in memory follows from the address of the hit.
    for (v1::Statement& statement : *out_->mutable_statements()) {
      for (v1::CandidateSite& candidate : *statement.mutable_candidates()) {
        v1::CapturePlan* plan = candidate.mutable_plan();
        plan->set_register_mask(plan->register_mask() | 1u << kRipRegister);
      }
    }
  }

  // What makes the whole request fail.
  absl::Status Verdict(bool explain) const {
    const int usable = out_->statements_size();
    // A name that only some of the sites know is told in the lines of the others.
    for (const UserError& error : user_errors_) {
      if (usable > 0 && error.sites == usable) return error.first;
    }
    if (usable == 0 && !first_condition_error_.ok()) return first_condition_error_;
    if (explain) return absl::OkStatus();
    if (usable == 0) return EverySiteRefused();
    return SomethingAvailable();
  }

 private:
  // What is wrong with an expression of the template, and at how many sites.
  struct UserError {
    absl::Status first;
    int sites = 0;
  };

  void CountUserErrors(const std::vector<absl::Status>& errors) {
    user_errors_.resize(errors.size());
    for (size_t i = 0; i < errors.size(); ++i) {
      if (errors[i].ok()) continue;
      if (user_errors_[i].sites++ == 0) user_errors_[i].first = errors[i];
    }
  }

  static SlotPlace PlaceOf(const StatementSite& site) { return site.at_return ? SlotPlace::kEdge : SlotPlace::kWithin; }

  // Whether a probe at `probe`, in the function of `site`, can be told what the call began with.
  bool KnowsEntry(const StatementSite& site, LinkAddress probe) {
    if (!recover_ || site.scope.by_symbol || site.entry.value == 0) return false;
    v1::CandidateSite slot;
    return SetReturnSlot(*found_.module, probe, probe == site.address ? PlaceOf(site) : SlotPlace::kWithin, &slot) &&
           entries_.ObstacleOf(site).empty() && entries_.IsBehind(site, probe);
  }

  // Why the time of a call that ends at `site`, a return, is not known; empty when it is.
  std::string NoDuration(const StatementSite& site) {
    v1::CandidateSite slot;
    if (!SetReturnSlot(*found_.module, site.address, SlotPlace::kEdge, &slot)) {
      return "the place of its return address is not known";
    }
    return entries_.ObstacleOf(site);
  }

  // Cheaper instructions that stand in for the statement's first one, which gave the plan `exact`. When there is none:
  // why not, for people.
  std::string AddMoved(const StatementSite& site, const plan::PlanRequest& request, plan::SiteContext context,
                       const plan::SitePlan& exact, v1::Statement* statement) {
    const bool recover = context.point.recover;
    constexpr absl::string_view kOtherValues = "not moved: other values are available there";
    context.point.mark_cfa = true;
    const plan::SitePlan marked = plan::BuildSitePlan(request, context, &types_, &shaper_);
    context.point.mark_cfa = false;
    if (!SameAvailability(exact, marked)) return std::string(kOtherValues);
    const auto inputs = plan::InputsOf(marked.plan, marked.expressions, out_->types(),
                                       dwarf::CfaPosition(*found_.module, site.address));
    code::MoveSearch search = finder_.MovesFor(site.scope, site.address, inputs);
    for (code::Move& move : search.moves) {
      auto judged = JudgeSite(*found_.module, move.probe);
      if (!judged.ok() || !IsEmulated(*judged)) continue;
      std::map<uint32_t, v1::Node> recovered;
      for (const auto& [reg, value] : move.recovered) recovered[reg] = plan::WordOf(value);
      context.point.probe = move.probe;
      context.point.recovered = &recovered;
      context.point.recover = recover && KnowsEntry(site, move.probe);
      plan::SitePlan built = plan::BuildSitePlan(request, context, &types_, &shaper_);
      if (!SameAvailability(exact, built)) continue;
      v1::CandidateSite found = CandidateAt(*judged, move.probe);
      if (statement->entry() != 0 && !SetReturnSlot(*found_.module, move.probe, SlotPlace::kWithin, &found)) continue;
      v1::CandidateSite* candidate = statement->add_candidates();
      candidate->Swap(&found);
      Fill(std::move(built), candidate);
      candidate->set_moved(true);
      candidate->set_reason(move.reason);
      for (std::string& text : move.between) candidate->add_between(std::move(text));
    }
    if (!statement->candidates().empty()) return "";
    if (!search.moves.empty()) return std::string(kOtherValues);
    return absl::StrCat("not moved on: ", search.no_way_on, "; nor back: ", search.no_way_back);
  }

  absl::Status EverySiteRefused() const {
    if (out_->refused_size() == 0) {
      return absl::NotFoundError(absl::StrCat(out_->location(), " has no address in the program"));
    }
    const v1::RefusedSite& first = out_->refused(0);
    return WithHint(absl::FailedPreconditionError(
                        absl::StrCat(out_->file(), ":", out_->line(), " cannot carry a probe: '", first.instruction(),
                                     "' at 0x", absl::Hex(first.statement_address()), ": ", first.reason())),
                    "choose a neighbouring line (dlogctl lines shows which ones can carry a logpoint)");
  }

  // A template whose values are all missing everywhere would log nothing.
  absl::Status SomethingAvailable() const {
    const v1::BoundExpression* missing = nullptr;
    for (const v1::Statement& statement : out_->statements()) {
      const auto& expressions = statement.candidates(0).expressions();
      if (expressions.empty()) return absl::OkStatus();
      for (const v1::BoundExpression& bound : expressions) {
        if (bound.status() == v1::STATUS_OK || bound.status() == v1::STATUS_REDACTED) return absl::OkStatus();
        if (missing == nullptr) missing = &bound;
      }
    }
    if (missing == nullptr) return absl::OkStatus();
    absl::Status status = absl::FailedPreconditionError(
        absl::StrCat("nothing to log at ", out_->file(), ":", out_->line(), ": ", missing->reason()));
    if (missing->available_at().empty()) {
      return WithHint(std::move(status), "dlogctl vars shows what can be captured there");
    }
    return WithHint(std::move(status), absl::StrCat("move the logpoint to line ",
                                                    absl::StrJoin(missing->available_at(), " or "), ", where it is"));
  }

  const FoundLocation& found_;
  dwarf::TypeGraph types_;
  plan::Shaper shaper_;
  SiteFinder finder_;
  const bool recover_;
  Entries entries_;
  v1::ResolvedLogpoint* const out_;
  absl::Status first_condition_error_;
  std::vector<UserError> user_errors_;  // parallel to the expressions of the template
};

// A user's own visualizers win over those that are built in.
absl::StatusOr<visualizers::Catalog> CatalogFor(const v1::SymbolizerRequest& request) {
  visualizers::Catalog catalog;
  for (const v1::VisualizerFile& file : request.visualizers()) {
    if (absl::Status status = catalog.Add(file.text(), file.name()); !status.ok()) return status;
  }
  if (absl::Status status = catalog.AddBuiltIn(); !status.ok()) return status;
  return catalog;
}

RedactionRules RulesOf(const v1::Redaction& redaction) {
  RedactionConfig config;
  config.names.assign(redaction.names().begin(), redaction.names().end());
  config.types.assign(redaction.types().begin(), redaction.types().end());
  config.exclude.assign(redaction.exclude().begin(), redaction.exclude().end());
  return RedactionRules(config);
}

absl::StatusOr<v1::ResolvedLogpoint> ResolveLogpoint(const v1::SymbolizerRequest& request) {
  // Syntax errors come before those of the location.
  if (auto syntax = ParseSpec(request.spec()); !syntax.ok()) return syntax.status();
  auto found = FindLocation(request);
  if (!found.ok()) return found.status();
  const LocatedLine& located = found->located;
  const bool all_variables = request.operation() == v1::SymbolizerRequest::VARIABLES;
  v1::LogpointSpec spec;
  if (all_variables) {
    spec.set_template_(AllVariables(located.sites, located.line));
  } else {
    spec = request.spec();
    auto text = ExpandVariables(spec.template_(), located.sites, located.line);
    if (!text.ok()) return SyntaxError(text.status(), "template");
    spec.set_template_(*std::move(text));
  }
  auto parsed = ParseSpec(spec);
  if (!parsed.ok()) return parsed.status();
  auto catalog = CatalogFor(request);
  if (!catalog.ok()) return catalog.status();

  v1::ResolvedLogpoint out;
  out.set_format_version(kPlanFormatVersion);
  *out.mutable_binary() = found->binary;
  out.set_location(request.spec().location());
  out.set_file(found->located.file);
  out.set_line(found->located.line);
  out.set_requested_line(found->located.requested_line);
  out.set_moved_reason(found->located.moved_reason);
  out.set_condition(request.spec().condition());
  for (const std::string& warning : found->warnings) out.add_warnings(warning);
  FillTemplate(parsed->text, out.mutable_parsed_template());
  if (found->located.sites.size() > kMostSites) {
    return absl::ResourceExhaustedError(absl::StrCat(request.spec().location(), " has ", found->located.sites.size(),
                                                     " sites; at most ", kMostSites, " can be probed"));
  }
  const RedactionRules redaction = RulesOf(request.redaction());
  out.set_redaction(redaction.active());
  SiteResolver sites(*found, *catalog, redaction, request.spec().recover(), &out);
  for (const StatementSite& site : found->located.sites) {
    absl::Status status = sites.AddSite(site, parsed->request);
    if (!status.ok()) return status;
  }
  if (request.explain()) {
    for (const std::string& misfit : sites.misfits()) out.add_warnings(misfit);
  }
  if (out.entries_size() > 0) out.set_format_version(kPlanFormatWithEntries);
  sites.Finish();
  // `vars` asks for everything and takes what each site has.
  absl::Status verdict = all_variables ? absl::OkStatus() : sites.Verdict(request.explain());
  if (!verdict.ok()) return verdict;
  return out;
}

// Of the instruction that a logpoint without variables gets; unknown where none is possible.
v1::InstructionClass ClassWithoutVariables(const dwarf::Module& module, const StatementSite& site, SiteFinder* finder) {
  auto own = JudgeSite(module, site.address);
  if (!own.ok()) return v1::CLASS_UNKNOWN;
  if (!IsEmulated(*own)) {
    for (const code::Move& move : finder->MovesFor(site.scope, site.address, {}).moves) {
      auto judged = JudgeSite(module, move.probe);
      if (judged.ok() && IsEmulated(*judged)) return ToProto(judged->instruction.probe_class);
    }
  }
  const code::ProbeClass site_class = own->instruction.probe_class;
  return site_class == code::ProbeClass::kRefused ? v1::CLASS_UNKNOWN : ToProto(site_class);
}

absl::StatusOr<v1::FileLines> ResolveLines(const v1::SymbolizerRequest& request) {
  auto found = FindFile(request);
  if (!found.ok()) return found.status();
  auto located = LocateAllLines(*found->module, *found->lines, found->source);
  if (!located.ok()) return located.status();
  v1::FileLines out;
  out.set_file(found->source.path);
  *out.mutable_binary() = found->binary;
  SiteFinder finder(*found->module);
  for (const LocatedLine& line : *located) {
    v1::LineInfo info;
    info.set_line(line.line);
    v1::InstructionClass cheapest = v1::CLASS_UNKNOWN;
    uint32_t usable = 0;
    for (const StatementSite& site : line.sites) {
      const v1::InstructionClass site_class = ClassWithoutVariables(*found->module, site, &finder);
      if (site_class == v1::CLASS_UNKNOWN) continue;
      ++usable;
      if (cheapest == v1::CLASS_UNKNOWN || site_class < cheapest) cheapest = site_class;
    }
    if (usable == 0) continue;
    info.set_sites(usable);
    info.set_instruction_class(cheapest);
    *out.add_lines() = info;
  }
  return out;
}

}  // namespace

absl::StatusOr<v1::SymbolizerResponse> Resolve(const v1::SymbolizerRequest& request) {
  v1::SymbolizerResponse response;
  if (request.operation() == v1::SymbolizerRequest::LINES) {
    auto lines = ResolveLines(request);
    if (!lines.ok()) return lines.status();
    *response.mutable_lines() = *std::move(lines);
    return response;
  }
  auto resolved = ResolveLogpoint(request);
  if (!resolved.ok()) return resolved.status();
  *response.mutable_resolved() = *std::move(resolved);
  return response;
}

}  // namespace dlog::symbolizer
