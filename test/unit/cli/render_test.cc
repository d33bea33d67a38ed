// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "cli/exit_status.h"
#include "cli/render/explain.h"
#include "cli/render/logpoint.h"
#include "cli/render/output.h"
#include "test/catch.h"

namespace dlog::cli {
namespace {

v1::ResolvedLogpoint Resolved() {
  v1::ResolvedLogpoint out;
  out.set_file("/src/order.cc");
  out.set_line(42);
  out.set_requested_line(41);
  out.set_moved_reason("line 41 has no code");
  out.mutable_binary()->set_path("/usr/bin/shopd");
  out.mutable_binary()->set_build_id("\x8f\x3c");
  out.mutable_binary()->set_debug_file("/usr/lib/debug/shopd.debug");
  out.mutable_binary()->set_source_checksum(v1::CHECKSUM_MATCH);
  for (const char* text : {"o.id", "discount"}) out.mutable_parsed_template()->add_expressions()->set_text(text);
  v1::Statement* statement = out.add_statements();
  statement->set_statement_address(0x41d0);
  statement->set_function("shop::Order::total(int) const");
  v1::CandidateSite* site = statement->add_candidates();
  site->set_probe_address(0x41d7);
  site->set_instruction("call 0x3f10");
  site->set_instruction_class(v1::CLASS_EMULATED);
  site->set_moved(true);
  site->set_reason("2 instructions on");
  site->mutable_plan()->add_ops()->set_code(v1::CAP_LOAD);
  site->mutable_plan()->add_ops()->set_code(v1::CAP_ARITH);
  v1::BoundExpression* id = site->add_expressions();
  id->set_type_name("int");
  id->set_location("[rdi+0]");
  v1::BoundExpression* discount = site->add_expressions();
  discount->set_type_name("double");
  discount->set_status(v1::STATUS_OPTIMIZED_OUT);
  discount->set_reason("no location at 0x41d0");
  discount->add_available_at(45);
  discount->add_available_at(46);
  v1::RefusedSite* refused = out.add_refused();
  refused->set_statement_address(0x4200);
  refused->set_instruction("syscall");
  refused->set_reason("a probe here would crash the target");
  return out;
}

TEST_CASE("explain as JSON is the documented object") {
  CHECK(ExplainJson(Resolved()) ==
        R"({"file":"/src/order.cc","line":42,"requested_line":41,"moved_reason":"line 41 has no code",)"
        R"("binaries":[{"path":"/usr/bin/shopd","build_id":"8f3c","debug_file":"/usr/lib/debug/shopd.debug",)"
        R"("source_checksum":"match"}],)"
        R"("sites":[{"function":"shop::Order::total(int) const","inlined":false,"statement_address":"0x41d0",)"
        R"("probe_address":"0x41d7","instruction":"call 0x3f10","class":"emulated","moved":true,)"
        R"("reason":"2 instructions on","predicted_ns":770,)"
        R"("variables":[{"expr":"o.id","type":"int","status":"ok","location":"[rdi+0]"},)"
        R"({"expr":"discount","type":"double","status":"optimized_out","reason":"no location at 0x41d0",)"
        R"("available_at":[45,46]}]}],)"
        R"("refused":[{"statement_address":"0x4200","instruction":"syscall",)"
        R"("reason":"a probe here would crash the target"}]})");
}

TEST_CASE("explain as text says where, what and why not") {
  const std::string text = ExplainText(Resolved());
  for (const char* part :
       {"/src/order.cc:42  (asked for line 41: line 41 has no code)", "build-id 8f3c", "/usr/lib/debug/shopd.debug",
        "site 0x41d7  shop::Order::total(int) const", "moved from 0x41d0: 2 instructions on",
        "o.id      int     ok             [rdi+0]", "discount  double  optimized_out  no location at 0x41d0",
        "refused 0x4200", "a probe here would crash the target"}) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("vars leaves out names that a site does not know, explain shows them") {
  auto resolved = Resolved();
  v1::BoundExpression* unknown = resolved.mutable_statements(0)->mutable_candidates(0)->mutable_expressions(1);
  unknown->set_status(v1::STATUS_ERROR);
  CHECK(ExplainJson(resolved, /*known_only=*/true).find("discount") == std::string::npos);
  CHECK(ExplainText(resolved, /*known_only=*/true).find("discount") == std::string::npos);
  CHECK(ExplainJson(resolved, /*known_only=*/false).find("discount") != std::string::npos);
  CHECK(ExplainText(resolved, /*known_only=*/false).find("discount") != std::string::npos);
}

TEST_CASE("names from a hostile binary do not drive the terminal") {
  auto resolved = Resolved();
  resolved.mutable_statements(0)->set_function("f\x1b[2J()");
  resolved.set_file("/src/\x1b]0;title\x07.cc");
  resolved.mutable_parsed_template()->mutable_expressions(0)->set_text("a\x1b[31m\nb");
  resolved.add_warnings("w\x7f");
  const std::string text = ExplainText(resolved);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
  CHECK(text.find('\x7f') == std::string::npos);
  CHECK(Harmless("one\ntwo\x1b") == "one\ntwo?");
}

TEST_CASE("lines as JSON is the documented object") {
  v1::FileLines lines;
  lines.set_file("order.cc");
  v1::LineInfo* line = lines.add_lines();
  line->set_line(42);
  line->set_sites(3);
  line->set_instruction_class(v1::CLASS_EMULATED);
  CHECK(LinesJson(lines) == R"({"file":"order.cc","lines":[{"line":42,"sites":3,"class":"emulated"}]})");
}

v1::LogpointState State() {
  v1::LogpointState state;
  state.mutable_spec()->set_id("lp-3");
  state.mutable_spec()->set_template_("order {o.id}");
  state.mutable_spec()->mutable_target()->set_pid(4711);
  state.set_state("finished");
  state.set_reason("hit limit of 5 reached");
  state.set_file("/src/order.cc");
  state.set_line(42);
  v1::Counters* counters = state.mutable_counters();
  counters->set_hits(120);
  counters->set_emitted(100);
  counters->set_filtered(15);
  v1::Loss* loss = counters->add_dropped();
  loss->set_reason("ring_full");
  loss->set_count(5);
  return state;
}

TEST_CASE("the account of a logpoint reads as the sum that it is") {
  CHECK(SummaryText(State()) ==
        "lp-3 finished (hit limit of 5 reached): 120 hits = 100 emitted + 15 filtered + 5 dropped (ring_full)");
}

TEST_CASE("logpoints as JSON have their id, state and counters") {
  const std::string json = LogpointsJson("logpoints", {State()});
  for (const char* part : {R"({"logpoints":[{"id":"lp-3","state":"finished")", R"("target":{"pid":4711})",
                           R"("counters":{"hits":120,"emitted":100,"filtered":15,"sampled_out":0,"rate_limited":0,)"
                           R"("dropped":{"ring_full":5},"captured_bytes":0})"}) {
    INFO(json);
    CHECK(json.find(part) != std::string::npos);
  }
}

TEST_CASE("columns of a table are as wide as their widest cell") {
  CHECK(RenderTable({{"ID", "TEXT"}, {"lp-10", "x"}, {"lp-1", "\xc3\xa4\xc3\xb6"}}) ==
        "ID     TEXT\nlp-10  x\nlp-1   \xc3\xa4\xc3\xb6\n");
}

}  // namespace
}  // namespace dlog::cli
