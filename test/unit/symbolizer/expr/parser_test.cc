// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <random>
#include <string>

#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/limits.h"
#include "test/catch.h"
#include "test/unit/symbolizer/expr/ast_text.h"

namespace dlog::expr {
namespace {

std::string Parse(std::string_view source) {
  absl::StatusOr<AstPtr> ast = ParseExpression(source);
  return ast.ok() ? AstText(**ast) : "error: " + std::string(ast.status().message());
}

std::string ErrorOf(std::string_view source) {
  absl::StatusOr<AstPtr> ast = ParseExpression(source);
  INFO(source);
  REQUIRE_FALSE(ast.ok());
  CHECK(ast.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(ast.status().message());
}

// The message, and the column under which the caret stands.
void ExpectError(std::string_view source, const std::string& message_part, size_t column) {
  const std::string error = ErrorOf(source);
  INFO(source << "\n" << error);
  CHECK_THAT(error, ContainsText(message_part));
  const size_t caret_line = error.rfind('\n');
  REQUIRE(caret_line != std::string::npos);
  CHECK(error.substr(caret_line + 1) == std::string(2 + column, ' ') + "^");
}

TEST_CASE("names and members") {
  CHECK(Parse("o") == "o");
  CHECK(Parse("this") == "this");
  CHECK(Parse("$pid") == "$pid");
  CHECK(Parse("a::b::c") == "a::b::c");
  CHECK(Parse("a :: b") == "a::b");
  CHECK(Parse("::g") == "::g");
  CHECK(Parse("this->x.y[2]") == "([] (. (-> this x) y) 2:int)");
  CHECK(Parse("p->Base::x") == "(-> p Base::x)");
  CHECK(Parse("*p->q") == "(deref (-> p q))");
  CHECK(Parse("(*p).q") == "(. (deref p) q)");
  CHECK(Parse("&a[i]") == "(addr ([] a i))");
  CHECK(Parse("\xc3\xa4") == "\xc3\xa4");
}

TEST_CASE("precedence is as in C++") {
  CHECK(Parse("a + b * c") == "(+ a (* b c))");
  CHECK(Parse("a * b + c") == "(+ (* a b) c)");
  CHECK(Parse("a - b - c") == "(- (- a b) c)");
  CHECK(Parse("a / b % c") == "(% (/ a b) c)");
  CHECK(Parse("a << b + c") == "(<< a (+ b c))");
  CHECK(Parse("a < b << c") == "(< a (<< b c))");
  CHECK(Parse("a == b < c") == "(== a (< b c))");
  CHECK(Parse("a & b == c") == "(& a (== b c))");
  CHECK(Parse("a ^ b & c") == "(^ a (& b c))");
  CHECK(Parse("a | b ^ c") == "(| a (^ b c))");
  CHECK(Parse("a && b | c") == "(&& a (| b c))");
  CHECK(Parse("a || b && c") == "(|| a (&& b c))");
  CHECK(Parse("(a || b) && c") == "(&& (|| a b) c)");
  CHECK(Parse("-a * !b") == "(* (- a) (! b))");
  CHECK(Parse("- - a") == "(- (- a))");
  CHECK(Parse("a - -b") == "(- a (- b))");
  CHECK(Parse("a&&b") == "(&& a b)");
  CHECK(Parse("a & &b") == "(& a (addr b))");
  CHECK(Parse("**p") == "(deref (deref p))");
  CHECK(Parse("~x >> 3 >= 2") == "(>= (>> (~ x) 3:int) 2:int)");
  CHECK(Parse("not a and b or c bitand d") == "(|| (&& (! a) b) (& c d))");
  CHECK(Parse("a != b") == Parse("a not_eq b"));
}

TEST_CASE("integer literals have C++ types") {
  CHECK(Parse("0") == "0:int");
  CHECK(Parse("2147483647") == "2147483647:int");
  CHECK(Parse("2147483648") == "2147483648:long");
  CHECK(Parse("9223372036854775807") == "9223372036854775807:long");
  CHECK(Parse("0x7fffffff") == "2147483647:int");
  CHECK(Parse("0x80000000") == "2147483648:unsigned int");
  CHECK(Parse("0xffffffff") == "4294967295:unsigned int");
  CHECK(Parse("0x100000000") == "4294967296:long");
  CHECK(Parse("0xffffffffffffffff") == "18446744073709551615:unsigned long");
  CHECK(Parse("017") == "15:int");
  CHECK(Parse("0b1010") == "10:int");
  CHECK(Parse("1'000'000") == "1000000:int");
  CHECK(Parse("0xff'ffu") == "65535:unsigned int");
  CHECK(Parse("5u") == "5:unsigned int");
  CHECK(Parse("4294967296U") == "4294967296:unsigned long");
  CHECK(Parse("5l") == "5:long");
  CHECK(Parse("5LL") == "5:long");
  CHECK(Parse("5ul") == "5:unsigned long");
  CHECK(Parse("5LLU") == "5:unsigned long");
  CHECK(Parse("0xffffffffffffffffl") == "18446744073709551615:unsigned long");
  CHECK(Parse("18446744073709551615u") == "18446744073709551615:unsigned long");
}

TEST_CASE("integers that are none are refused") {
  ExpectError("9223372036854775808", "does not fit into a long", 0);
  ExpectError("x + 18446744073709551616u", "64 bits", 4);
  ExpectError("08", "not a number", 0);
  ExpectError("0x", "not a number", 0);
  ExpectError("0b2", "not a number", 0);
  ExpectError("12abc", "not a number", 0);
  ExpectError("5lul", "not a number", 0);
  ExpectError("5uu", "not a number", 0);
  ExpectError("5lL", "not a number", 0);
  ExpectError("1f", "not a number", 0);
  ExpectError("1_km", "not a number", 0);
  ExpectError("1''0", "expected an operator", 1);
}

TEST_CASE("times with a unit are nanoseconds") {
  CHECK(Parse("870ns") == "870ns");
  CHECK(Parse("250us") == "250000ns");
  CHECK(Parse("5ms") == "5000000ns");
  CHECK(Parse("05ms") == "5000000ns");
  CHECK(Parse("0s") == "0ns");
  CHECK(Parse("1.5s") == "1500000000ns");
  CHECK(Parse("1'000.25us") == "1000250ns");
  CHECK(Parse("$duration > .5ms") == "(> $duration 500000ns)");
  CHECK(Parse("9223372036s") == "9223372036000000000ns");
  ExpectError("1.0005us", "no whole number of nanoseconds", 0);
  ExpectError("1 + .5ns", "no whole number of nanoseconds", 4);
  ExpectError("9223372037s", "does not fit", 0);
  ExpectError("99999999999999999999ns", "does not fit", 0);
  ExpectError("1.2.3s", "not a number", 0);
  ExpectError("5min", "not a number", 0);
  ExpectError("0x5s", "not a number", 0);
}

TEST_CASE("floating literals") {
  CHECK(Parse("1.5") == "1.500000:double");
  CHECK(Parse(".5") == "0.500000:double");
  CHECK(Parse("1.") == "1.000000:double");
  CHECK(Parse("1e3") == "1000.000000:double");
  CHECK(Parse("1.5e-1f") == "0.150000:float");
  CHECK(Parse("2.5F") == "2.500000:float");
  CHECK(Parse("0x1.8p1") == "3.000000:double");
  CHECK(Parse("0x1p-1f") == "0.500000:float");
  CHECK(Parse("1'0.2'5") == "10.250000:double");
  absl::StatusOr<AstPtr> ast = ParseExpression("0.1f");
  REQUIRE(ast.ok());
  CHECK((*ast)->floating == static_cast<double>(0.1f));
  ExpectError("1e999", "range", 0);
  ExpectError("1e39f", "range", 0);
  ExpectError("1.5l", "long double", 0);
  ExpectError("1e", "not a number", 0);
  ExpectError("0x1.8", "exponent", 0);
  ExpectError("1.2.3", "not a number", 0);
}

TEST_CASE("characters, strings and words with values") {
  CHECK(Parse("'a'") == "char:97");
  CHECK(Parse("'\\n'") == "char:10");
  CHECK(Parse("'\\''") == "char:39");
  CHECK(Parse("'\\0'") == "char:0");
  CHECK(Parse("'\\x41'") == "char:65");
  CHECK(Parse("'\\xff'") == "char:-1");
  CHECK(Parse("'\\101'") == "char:65");
  CHECK(Parse("'\"'") == "char:34");
  CHECK(Parse("\"hi\"") == "\"hi\"");
  CHECK(Parse("\"a\" \"b\"\"c\"") == "\"abc\"");
  CHECK(Parse("\"\\u00e4\\U0001f600\"") == "\"\xc3\xa4\xf0\x9f\x98\x80\"");
  CHECK(Parse("s == \"a\\\"b\"") == "(== s \"a\"b\")");
  CHECK(Parse("true != false") == "(!= true false)");
  CHECK(Parse("p == nullptr || q == NULL") == "(|| (== p nullptr) (== q nullptr))");
  ExpectError("'ab'", "one byte", 0);
  ExpectError("''", "empty", 0);
  ExpectError("'\xc3\xa4'", "one byte", 0);
  ExpectError("x == 'a", "does not end", 5);
  ExpectError("\"abc", "does not end", 0);
  ExpectError("\"a\\q\"", "unknown escape", 2);
  ExpectError("'\\x'", "hexadecimal digits", 1);
  ExpectError("'\\x100'", "byte", 1);
  ExpectError("'\\777'", "byte", 1);
  ExpectError("\"\\ud800\"", "Unicode", 1);
  ExpectError("L\"a\"", "wide", 0);
  ExpectError("u8'a'", "wide", 0);
  ExpectError("\"a\"s", "suffix", 3);
}

TEST_CASE("what would change the program or run its code is refused with the reason") {
  ExpectError("x = 5", "must not change the program (did you mean '=='?)", 2);
  ExpectError("x += 5", "must not change the program", 2);
  ExpectError("x <<= 5", "must not change the program", 2);
  ExpectError("++x", "'++' is not allowed", 0);
  ExpectError("x--", "'--' is not allowed", 1);
  ExpectError("f(1)", "calls are not supported", 1);
  ExpectError("v.swap()", "calls are not supported", 6);
  ExpectError("v.size(1)", "calls are not supported", 6);
  ExpectError("size()", "calls are not supported", 4);
  ExpectError("a[f(x)]", "calls are not supported", 3);
  ExpectError("new T", "'new' is not allowed", 0);
  ExpectError("a + delete p", "'delete' is not allowed", 4);
  ExpectError("throw 1", "'throw' is not allowed", 0);
  ExpectError("[&]{ return 1; }", "lambdas are not supported", 0);
  ExpectError("p->~T()", "calls are not supported", 3);
}

TEST_CASE("C++ that is not supported says so") {
  ExpectError("a ? b : c", "'?:' is not supported", 2);
  ExpectError("(const T&)x", "this cast is not supported", 0);
  ExpectError("(int&)x", "this cast is not supported", 0);
  ExpectError("(long short)x", "this cast is not supported", 0);
  ExpectError("int(x)", "this cast is not supported", 0);
  ExpectError("const_cast<int*>(x)", "this cast is not supported", 0);
  ExpectError("dynamic_cast<T*>(x)", "this cast is not supported", 0);
  ExpectError("static_cast<std::vector<int>>(x)", "this cast is not supported", 0);
  ExpectError("sizeof(x)", "'sizeof' is not supported", 0);
  ExpectError("a, b", "comma", 1);
  ExpectError("a;", "statements", 1);
  ExpectError("a <=> b", "'<=>'", 2);
  ExpectError("a.*b", "pointers to members", 1);
  ExpectError("T{1}", "braced", 1);
  ExpectError("std::vector<int>::npos", "this cast is not supported", 12);
  ExpectError("while", "'while' is not a name", 0);
  ExpectError("a.this", "'this' is not a name", 2);
  ExpectError("a.$x", "member's name", 2);
}

TEST_CASE("a parenthesised name is not a cast when an operator follows") {
  CHECK(Parse("(a) - b") == "(- a b)");
  CHECK(Parse("(a) * b") == "(* a b)");
  CHECK(Parse("(a)[1]") == "([] a 1:int)");
  CHECK(Parse("((a))") == "a");
}

TEST_CASE("casts to scalar and pointer types") {
  CHECK(Parse("(int)x") == "((int) x)");
  CHECK(Parse("(unsigned char)x + 1") == "(+ ((unsigned char) x) 1:int)");
  CHECK(Parse("(long unsigned int)-x") == "((unsigned long) (- x))");
  CHECK(Parse("(T)x") == "((T) x)");
  CHECK(Parse("(const ns::T * const *)x->y") == "((ns::T**) (-> x y))");
  CHECK(Parse("(struct S*)&x") == "((S*) (addr x))");
  CHECK(Parse("(T*)*p") == "((T*) (deref p))");
  CHECK(Parse("static_cast<long long>(a + b)") == "((long long) (+ a b))");
  CHECK(Parse("reinterpret_cast<T*>(x)->y") == "(-> ((T*) x) y)");
  CHECK(Parse("((double)a) / b") == "(/ ((double) a) b)");
}

TEST_CASE("what a container's shape answers is written as a call") {
  CHECK(Parse("v.size()") == "(size() v)");
  CHECK(Parse("p->v.empty() || q") == "(|| (empty() (-> p v)) q)");
  CHECK(Parse("p->size()") == "(size() (deref p))");
  CHECK(Parse("v.at(2).name") == "(. ([] v 2:int) name)");
  CHECK(Parse("v.front().size() > 3") == "(> (size() (front() v)) 3:int)");
}

TEST_CASE("casts nest as deeply as anything else, and no deeper") {
  std::string deep = "x";
  for (int i = 0; i < 1000; ++i) deep = "static_cast<int>(" + deep + ")";
  const auto parsed = ParseExpression(deep.substr(0, 4000));
  REQUIRE_FALSE(parsed.ok());
  CHECK(std::string(parsed.status().message()).find("nested too deeply") != std::string::npos);
}

TEST_CASE("syntax errors point at the place") {
  ExpectError("", "empty", 0);
  ExpectError("  ", "empty", 0);
  ExpectError("(a + b", "'(' is not closed", 0);
  ExpectError("a[1", "'[' is not closed", 1);
  ExpectError("a)", "unmatched ')'", 1);
  ExpectError("a]", "unmatched ']'", 1);
  ExpectError("a +", "operand is missing", 3);
  ExpectError("(a + )", "expected an operand", 5);
  ExpectError("()", "operand is missing", 1);
  ExpectError("a b", "expected an operator", 2);
  ExpectError("a.", "expected a name", 2);
  ExpectError("a.5", "expected an operator", 1);
  ExpectError("a::", "expected a name", 3);
  ExpectError("a @ b", "cannot stand", 2);
  ExpectError("$", "followed by a name", 0);
  ExpectError("a + \xff", "UTF-8", 4);
  ExpectError("\xc3\xa4 + )", "expected an operand", 4);  // the caret counts characters, not bytes
}

TEST_CASE("byte ranges cover the operands") {
  absl::StatusOr<AstPtr> ast = ParseExpression(" a + (b * c) ");
  REQUIRE(ast.ok());
  CHECK((*ast)->begin == 1);
  CHECK((*ast)->end == 12);
  CHECK((*ast)->operands[1]->begin == 5);
  CHECK((*ast)->operands[1]->end == 12);
}

int DepthOf(const Ast& ast) {
  int depth = 0;
  for (const AstPtr& operand : ast.operands) depth = std::max(depth, DepthOf(*operand));
  return depth + 1;
}

TEST_CASE("depth and length are limited, in every direction") {
  const std::string parens = std::string(kMaxDepth + 1, '(') + "a" + std::string(kMaxDepth + 1, ')');
  CHECK_THAT(ErrorOf(parens), ContainsText("too deeply"));
  CHECK_THAT(ErrorOf(std::string(2000, '-') + "a"), ContainsText("not allowed"));
  std::string unary, sum = "a", members = "a", indices = "a";
  for (int i = 0; i < kMaxDepth; ++i) {
    unary += "- ";
    sum += "+a";
    members += ".a";
    indices += "[0]";
  }
  CHECK_THAT(ErrorOf(unary + "a"), ContainsText("too deeply"));
  for (const std::string& chain : {sum, members, indices}) {
    CHECK_THAT(ErrorOf(chain), ContainsText("too deeply"));
  }
  CHECK(ParseExpression(sum.substr(0, sum.size() - 2)).ok());
  CHECK(ParseExpression(members.substr(0, members.size() - 2)).ok());
  CHECK_THAT(ErrorOf(std::string(kMaxExpressionLength + 1, 'a')), ContainsText("longer than"));
  CHECK(ParseExpression(std::string(kMaxExpressionLength, 'a')).ok());
}

TEST_CASE("no input breaks the parser, and what it accepts keeps the limits") {
  std::mt19937 random(11);
  const std::string alphabet = "ab01'\"\\.->[]()*&:!~+<>=?,{}$ exu\xc3\xa4|^%";
  for (int i = 0; i < 100000; ++i) {
    std::string source(random() % 24, ' ');
    for (char& c : source) c = i % 4 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    absl::StatusOr<AstPtr> ast = ParseExpression(source);
    if (!ast.ok()) {
      REQUIRE_FALSE(ast.status().message().empty());
      continue;
    }
    REQUIRE(DepthOf(**ast) <= kMaxDepth);
    REQUIRE((*ast)->end <= source.size());
    REQUIRE((*ast)->begin < (*ast)->end);
  }
}

}  // namespace
}  // namespace dlog::expr
