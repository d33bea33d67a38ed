// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <string>

#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/limits.h"
#include "test/catch.h"
#include "test/unit/symbolizer/expr/ast_text.h"

namespace dlog::expr {
namespace {

// "literal|text;format|literal|..." or the error.
std::string Parse(std::string_view source) {
  absl::StatusOr<Template> parsed = ParseTemplate(source);
  if (!parsed.ok()) return "error: " + std::string(parsed.status().message());
  REQUIRE(parsed->literals.size() == parsed->expressions.size() + 1);
  std::string out = parsed->literals[0];
  for (size_t i = 0; i < parsed->expressions.size(); ++i) {
    const TemplateExpression& expression = parsed->expressions[i];
    REQUIRE(expression.ast != nullptr);
    REQUIRE(source.substr(expression.offset, expression.text.size()) == expression.text);
    out += "|" + expression.text + ";" + expression.format + "|" + parsed->literals[i + 1];
  }
  return out;
}

void ExpectError(std::string_view source, const std::string& message_part, size_t column) {
  absl::StatusOr<Template> parsed = ParseTemplate(source);
  INFO(source);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.status().code() == absl::StatusCode::kInvalidArgument);
  const std::string error(parsed.status().message());
  INFO(error);
  CHECK_THAT(error, ContainsText(message_part));
  CHECK(error.substr(error.rfind('\n') + 1) == std::string(2 + column, ' ') + "^");
}

TEST_CASE("literal text and expressions alternate") {
  CHECK(Parse("") == "");
  CHECK(Parse("hello") == "hello");
  CHECK(Parse("order {o.id} took {us:.1f}us") == "order |o.id;| took |us;.1f|us");
  CHECK(Parse("{a}{b}") == "|a;||b;|");
  CHECK(Parse("{ a + b }") == "|a + b;|");
  CHECK(Parse("it's \"quoted\"") == "it's \"quoted\"");
}

TEST_CASE("doubled braces are braces") {
  CHECK(Parse("{{") == "{");
  CHECK(Parse("}}") == "}");
  CHECK(Parse("{{x}}") == "{x}");
  CHECK(Parse("{{{x}}}") == "{|x;|}");
  CHECK(Parse("a {{b}} {c} }}") == "a {b} |c;| }");
}

TEST_CASE("the format starts at the first colon that is not part of the expression") {
  CHECK(Parse("{a::b}") == "|a::b;|");
  CHECK(Parse("{a::b:x}") == "|a::b;x|");
  CHECK(Parse("{::g:d}") == "|::g;d|");
  CHECK(Parse("{x::>5}") == "|x;:>5|");
  CHECK(Parse("{c == ':'}") == "|c == ':';|");
  CHECK(Parse("{s == \"}:{\"}") == "|s == \"}:{\";|");
  CHECK(Parse("{s[1'0]:x}") == "|s[1'0];x|");
  CHECK(Parse("{n:}") == "|n;|");
  CHECK(Parse("{x : d}") == "|x; d|");
}

TEST_CASE("formats of std::format and our own") {
  for (const char* format :
       {"d",          "#x",  "08.3f", "*^20",  "+",        " ",  "<",   ">10", "#010b", ".3",   "s", "?", "L",
        "\xc3\xa4<4", "[3]", "[100]", "errno", "%H:%M:%S", "%F", "[<5", "%>5", "'>5",   "\"^3", "g", "a", "10.4Lg"}) {
    INFO(format);
    CHECK(Parse("{x:" + std::string(format) + "}") == "|x;" + std::string(format) + "|");
  }
}

TEST_CASE("unknown formats are refused under the place") {
  ExpectError("{x:q}", "unknown format", 3);
  ExpectError("{x:dd}", "unknown format", 4);
  ExpectError("{x:.f}", "precision", 4);
  ExpectError("{x:5.}", "precision", 5);
  ExpectError("{x:1001}", "larger than 1000", 3);
  ExpectError("{x:.99999999999999}", "larger than 1000", 4);
  ExpectError("{x:[0]}", "must not be 0", 4);
  ExpectError("{x:[]}", "number of elements", 4);
  ExpectError("{x:[ ]}", "number of elements", 4);
  ExpectError("{x:[n}", "']'", 5);
  ExpectError("{x:[n]d}", "nothing may follow", 6);
  ExpectError("{x:[n +]}", "operand is missing", 7);
  ExpectError("{x:[f(1)]}", "calls are not supported", 5);
  ExpectError("{x:[3}", "']'", 5);
  ExpectError("{x:[3]d}", "nothing may follow", 6);
  ExpectError("{x:%}", "conversion", 4);
  ExpectError("{x:{w}}", "within a format", 3);
  ExpectError("{x:" + std::string(kMaxFormatLength + 1, '%') + "}", "longer than", 3);
}

TEST_CASE("unmatched braces and empty expressions") {
  ExpectError("a {b", "'{' is not closed", 2);
  ExpectError("{", "'{' is not closed", 0);
  ExpectError("a } b", "closes nothing", 2);
  ExpectError("{a}}", "closes nothing", 3);
  ExpectError("{}", "expression is expected", 1);
  ExpectError("{ }", "expression is expected", 1);
  ExpectError("{:x}", "expression is expected", 1);
  ExpectError("{a {b}}", "within an expression", 3);
  ExpectError("{a:x", "'{' is not closed", 0);
}

TEST_CASE("an expression's error is shown under the template") {
  ExpectError("total {a +} end", "operand is missing", 10);
  ExpectError("x {f(1)}", "calls are not supported", 4);
  ExpectError("{a ? b : c}", "'?:' is not supported", 3);
  ExpectError("{a ? b : c:d}", "'?:' is not supported", 3);
  ExpectError("{isn't}", "does not end", 4);
  ExpectError("{(a}", "not closed", 1);
  ExpectError("{a[1:2]}", "expected an operator", 4);
  ExpectError("\xc3\xa4 {a b}", "expected an operator", 5);
}

TEST_CASE("templates are bounded") {
  std::string many;
  for (size_t i = 0; i < kMaxTemplateExpressions; ++i) many += "{a}";
  CHECK(ParseTemplate(many).ok());
  CHECK_FALSE(ParseTemplate(many + "{a}").ok());
  CHECK(ParseTemplate(std::string(kMaxTemplateLength, 'x')).ok());
  CHECK_FALSE(ParseTemplate(std::string(kMaxTemplateLength + 1, 'x')).ok());
  CHECK_FALSE(ParseTemplate("a\xff").ok());
}

TEST_CASE("the caret stays under the place in long and odd sources") {
  const std::string text = WithCaret("bad", "ab\ncd\te", 4);
  CHECK(text == "bad\n  ab cd e\n      ^");
  CHECK(WithCaret("bad", "abc", 99) == "bad\n  abc\n     ^");
  const std::string cut = WithCaret("bad", std::string(500, 'x') + "Y" + std::string(500, 'z'), 500);
  const size_t line = cut.find('\n') + 1;
  const size_t caret = cut.rfind('\n') + 1;
  CHECK(cut[line + (cut.find('^') - caret)] == 'Y');
  CHECK(cut.size() < 320);
}

TEST_CASE("no input breaks the template parser") {
  std::mt19937 random(13);
  const std::string alphabet = "ab{}::{}.x'\"[]()?%5 <>\\\xc3\xa4";
  int accepted = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string source(random() % 20, ' ');
    for (char& c : source) c = i % 4 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    absl::StatusOr<Template> parsed = ParseTemplate(source);
    if (!parsed.ok()) continue;
    ++accepted;
    REQUIRE(parsed->literals.size() == parsed->expressions.size() + 1);
  }
  CHECK(accepted > 1000);
}

}  // namespace
}  // namespace dlog::expr
