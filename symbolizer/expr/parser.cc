// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/expr/parser.h"

#include <algorithm>

#include "absl/status/status.h"
#include "symbolizer/expr/lexer.h"
#include "symbolizer/expr/limits.h"
#include "symbolizer/expr/literals.h"
#include "symbolizer/expr/refusals.h"

namespace dlog::expr {
namespace {

constexpr char kTooDeep[] = "this expression is nested too deeply";

struct Operator {
  std::string_view text;
  int precedence;  // higher binds tighter; [expr.mul] to [expr.log.or]
};
constexpr Operator kBinaryOperators[] = {
    {"*", 10}, {"/", 10}, {"%", 10}, {"+", 9},  {"-", 9}, {"<<", 8}, {">>", 8}, {"<", 7},  {"<=", 7},
    {">", 7},  {">=", 7}, {"==", 6}, {"!=", 6}, {"&", 5}, {"^", 4},  {"|", 3},  {"&&", 2}, {"||", 1},
};

// [lex.digraph]
constexpr std::pair<std::string_view, std::string_view> kAlternativeTokens[] = {
    {"and", "&&"},  {"or", "||"},     {"not", "!"},     {"bitand", "&"}, {"bitor", "|"},   {"xor", "^"},
    {"compl", "~"}, {"not_eq", "!="}, {"and_eq", "&="}, {"or_eq", "|="}, {"xor_eq", "^="},
};

int PrecedenceOf(const Token& token) {
  if (token.kind != TokenKind::kPunctuator) return 0;
  for (const Operator& op : kBinaryOperators) {
    if (token.Is(op.text)) return op.precedence;
  }
  return 0;
}

struct TypeId {
  std::string name;
  uint64_t stars = 0;
};

// Words of a fundamental type in any order -> its one spelling; empty when they are none.
std::string FundamentalType(const std::vector<std::string_view>& words) {
  const auto count = [&](std::string_view word) { return std::count(words.begin(), words.end(), word); };
  const auto total = static_cast<std::ptrdiff_t>(words.size());
  const bool is_unsigned = count("unsigned") == 1;
  const std::ptrdiff_t sign = count("unsigned") + count("signed");
  const std::ptrdiff_t longs = count("long");
  const std::string prefix = is_unsigned ? "unsigned " : "";
  if (sign > 1 || longs > 2) return "";
  if (count("char") == 1 && sign + 1 == total)
    return sign == 0 ? "char" : is_unsigned ? "unsigned char" : "signed char";
  const std::ptrdiff_t integer = sign + longs + count("short") + count("int");
  if (integer == total && count("int") <= 1 && count("short") <= 1 && (count("short") == 0 || longs == 0)) {
    if (count("short") == 1) return prefix + "short";
    return prefix + (longs == 2 ? "long long" : longs == 1 ? "long" : "int");
  }
  if (longs == 1 && total == 2 && count("double") == 1) return "long double";
  constexpr std::string_view kSingle[] = {"bool",    "void",    "float",    "double",
                                          "wchar_t", "char8_t", "char16_t", "char32_t"};
  if (total == 1 && std::find(std::begin(kSingle), std::end(kSingle), words[0]) != std::end(kSingle)) {
    return std::string(words[0]);
  }
  return "";
}

// A node and the height of its tree. Null after an error.
struct Parsed {
  AstPtr ast;
  int depth = 0;
};

// Recursive descent; precedence climbing for binary operators. Both the recursion and the tree stay within kMaxDepth,
// so that whoever walks the tree later may recurse.
class Parser {
 public:
  Parser(std::string_view source, SyntaxError* error) : lexer_(source), error_(error) { Advance(); }

  AstPtr ParseWhole() {
    Parsed parsed = ParseBinary(1, 0);
    if (parsed.ast == nullptr) return nullptr;
    if (token_.kind != TokenKind::kEnd) {
      FailAtLeftover();
      return nullptr;
    }
    return std::move(parsed.ast);
  }

 private:
  void Advance() {
    previous_ = token_;
    token_ = lexer_.Next();
    if (token_.kind != TokenKind::kIdentifier) return;
    for (const auto& [word, punctuator] : kAlternativeTokens) {
      if (token_.text == word) {
        token_.kind = TokenKind::kPunctuator;
        token_.text = punctuator;
        return;
      }
    }
  }

  Parsed Fail(std::string_view message, size_t offset) {
    // A lexical error is why a token is missing, so it goes first.
    if (token_.kind == TokenKind::kError) {
      *error_ = lexer_.error();
    } else {
      *error_ = {std::string(message), offset};
    }
    return {};
  }
  Parsed FailHere(std::string_view message) { return Fail(message, token_.begin); }

  // The token behind a complete expression.
  void FailAtLeftover() {
    if (token_.kind == TokenKind::kPunctuator) {
      if (const char* reason = RefusalOfPunctuator(token_.text); reason != nullptr) {
        FailHere(reason);
        return;
      }
      if (token_.Is(")") || token_.Is("]")) {
        FailHere("unmatched '" + std::string(token_.text) + "'");
        return;
      }
    }
    FailHere("expected an operator or the end of the expression");
  }

  Parsed Node(AstKind kind, std::string_view text, size_t begin, size_t end, Parsed a = {}, Parsed b = {}) {
    auto ast = std::make_unique<Ast>();
    ast->kind = kind;
    ast->text = std::string(text);
    ast->begin = begin;
    ast->end = end;
    const int depth = 1 + std::max(a.depth, b.depth);
    if (depth > kMaxDepth) return Fail(kTooDeep, begin);
    if (a.ast != nullptr) ast->operands.push_back(std::move(a.ast));
    if (b.ast != nullptr) ast->operands.push_back(std::move(b.ast));
    return {std::move(ast), depth};
  }

  Parsed ParseBinary(int min_precedence, int nesting);
  Parsed ParseUnary(int nesting);
  Parsed ParsePostfix(int nesting);
  Parsed ParsePrimary(int nesting);
  Parsed ParseParenthesized(int nesting);
  Parsed ParseCCast(size_t open, int nesting);
  Parsed ParseNamedCast(int nesting);
  Parsed ParseAccessor(Parsed member, int nesting);
  Parsed Cast(std::string_view keyword, const TypeId& type, size_t begin, size_t end, Parsed operand);
  bool ParseTypeId(TypeId* type);
  bool TakeQualifiers();
  Parsed ParseWord(int nesting);
  Parsed ParseNumber();
  Parsed ParseStrings();
  bool ParseQualifiedName(std::string* name, size_t* end);

  Lexer lexer_;
  Token token_;
  Token previous_;
  SyntaxError* const error_;
};

Parsed Parser::ParseBinary(int min_precedence, int nesting) {
  Parsed left = ParseUnary(nesting);
  while (left.ast != nullptr) {
    const int precedence = PrecedenceOf(token_);
    if (precedence == 0 || precedence < min_precedence) break;
    const std::string_view op = token_.text;
    Advance();
    // At most one level of recursion per precedence, so `nesting` need not count it.
    Parsed right = ParseBinary(precedence + 1, nesting);
    if (right.ast == nullptr) return {};
    const size_t begin = left.ast->begin;
    const size_t end = right.ast->end;
    left = Node(AstKind::kBinary, op, begin, end, std::move(left), std::move(right));
  }
  return left;
}

Parsed Parser::ParseUnary(int nesting) {
  if (nesting >= kMaxDepth) return FailHere(kTooDeep);
  if (token_.Is("++") || token_.Is("--")) return FailHere(RefusalOfPunctuator(token_.text));
  const bool is_operator = token_.Is("-") || token_.Is("+") || token_.Is("!") || token_.Is("~");
  if (!is_operator && !token_.Is("*") && !token_.Is("&")) return ParsePostfix(nesting);

  const Token op = token_;
  Advance();
  Parsed operand = ParseUnary(nesting + 1);
  if (operand.ast == nullptr) return {};
  const AstKind kind = op.Is("*") ? AstKind::kDeref : op.Is("&") ? AstKind::kAddressOf : AstKind::kUnary;
  const size_t end = operand.ast->end;
  return Node(kind, op.text, op.begin, end, std::move(operand));
}

Parsed Parser::ParsePostfix(int nesting) {
  Parsed base = ParsePrimary(nesting);
  while (base.ast != nullptr) {
    const size_t begin = base.ast->begin;
    if (token_.Is(".") || token_.Is("->")) {
      const AstKind kind = token_.Is(".") ? AstKind::kMember : AstKind::kArrow;
      Advance();
      if (token_.Is("~")) return FailHere(kNoCalls);
      if (token_.kind == TokenKind::kIdentifier && token_.text[0] == '$')
        return FailHere("expected a member's name here");
      std::string name;
      size_t end = 0;
      if (!ParseQualifiedName(&name, &end)) return {};
      base = Node(kind, name, begin, end, std::move(base));
    } else if (token_.Is("[")) {
      const size_t open = token_.begin;
      Advance();
      Parsed index = ParseBinary(1, nesting + 1);
      if (index.ast == nullptr) return {};
      if (token_.kind == TokenKind::kEnd) return Fail("this '[' is not closed", open);
      if (!token_.Is("]")) {
        FailAtLeftover();
        return {};
      }
      const size_t end = token_.end;
      Advance();
      base = Node(AstKind::kIndex, "", begin, end, std::move(base), std::move(index));
    } else if (token_.Is("(") && base.ast->kind != AstKind::kName) {
      base = ParseAccessor(std::move(base), nesting);
    } else if (token_.Is("(") || token_.Is("++") || token_.Is("--") || token_.Is("{")) {
      return FailHere(RefusalOfPunctuator(token_.text));
    } else {
      break;
    }
  }
  return base;
}

Parsed Parser::ParsePrimary(int nesting) {
  switch (token_.kind) {
    case TokenKind::kIdentifier:
      return ParseWord(nesting);
    case TokenKind::kNumber:
      return ParseNumber();
    case TokenKind::kString:
      return ParseStrings();
    case TokenKind::kChar: {
      const std::optional<uint64_t> value = EvaluateChar(token_, error_);
      if (!value.has_value()) return {};
      Parsed out = Node(AstKind::kChar, "", token_.begin, token_.end);
      out.ast->integer = *value;
      out.ast->type_name = "char";
      Advance();
      return out;
    }
    case TokenKind::kEnd:
      return FailHere("an operand is missing here");
    case TokenKind::kError:
      return FailHere("");
    case TokenKind::kPunctuator:
      break;
  }
  if (token_.Is("(")) return ParseParenthesized(nesting);
  if (token_.Is("::")) return ParseWord(nesting);
  if (token_.Is("[")) return FailHere("lambdas are not supported: a log line must not run code of the program");
  if (token_.Is("{")) return FailHere("braced initializers are not supported");
  return FailHere("expected an operand before '" + std::string(token_.text) + "'");
}

// After "object.size", at the '('.
Parsed Parser::ParseAccessor(Parsed member, int nesting) {
  const bool is_member = member.ast->kind == AstKind::kMember || member.ast->kind == AstKind::kArrow;
  if (!is_member) return FailHere(kNoCalls);
  const bool is_index = member.ast->text == "at";
  if (!is_index && !IsAccessor(member.ast->text)) return FailHere(kNoCalls);
  const size_t begin = member.ast->begin;
  const size_t open = token_.begin;
  // The object itself; behind an arrow, what it points to.
  Parsed object = {std::move(member.ast->operands[0]), member.depth - 1};
  if (member.ast->kind == AstKind::kArrow) {
    const size_t object_begin = object.ast->begin;
    const size_t object_end = object.ast->end;
    object = Node(AstKind::kDeref, "*", object_begin, object_end, std::move(object));
    if (object.ast == nullptr) return {};
  }
  Advance();
  Parsed index;
  if (is_index) {
    index = ParseBinary(1, nesting + 1);
    if (index.ast == nullptr) return {};
  }
  if (!token_.Is(")")) return is_index ? Fail("this '(' is not closed", open) : Fail(kNoCalls, open);
  const size_t end = token_.end;
  Advance();
  if (is_index) return Node(AstKind::kIndex, "", begin, end, std::move(object), std::move(index));
  return Node(AstKind::kAccessor, member.ast->text, begin, end, std::move(object));
}

Parsed Parser::Cast(std::string_view keyword, const TypeId& type, size_t begin, size_t end, Parsed operand) {
  Parsed out = Node(AstKind::kCast, keyword, begin, end, std::move(operand));
  if (out.ast == nullptr) return {};
  out.ast->type_name = type.name;
  out.ast->integer = type.stars;
  return out;
}

bool Parser::TakeQualifiers() {
  bool taken = false;
  for (; token_.IsWord("const") || token_.IsWord("volatile"); Advance()) taken = true;
  return taken;
}

// The base type in one spelling and the number of '*'. False when it is no type that a cast can name.
bool Parser::ParseTypeId(TypeId* type) {
  constexpr uint64_t kMaxStars = 8;
  std::vector<std::string_view> words;
  TakeQualifiers();
  if (token_.IsWord("struct") || token_.IsWord("class") || token_.IsWord("union") || token_.IsWord("enum")) Advance();
  while (token_.kind == TokenKind::kIdentifier && IsTypeWord(token_.text)) {
    words.push_back(token_.text);
    Advance();
    TakeQualifiers();
  }
  if (words.empty()) {
    size_t end = 0;
    if (token_.kind != TokenKind::kIdentifier && !token_.Is("::")) return false;
    if (!ParseQualifiedName(&type->name, &end)) return false;
    TakeQualifiers();
  } else {
    type->name = FundamentalType(words);
    if (type->name.empty()) return false;
  }
  while (token_.Is("*")) {
    Advance();
    TakeQualifiers();
    if (++type->stars > kMaxStars) return false;
  }
  return true;
}

// At the token behind '('. Null without an error, and nothing consumed, when this is no cast.
Parsed Parser::ParseCCast(size_t open, int nesting) {
  const Lexer lexer = lexer_;
  const Token token = token_;
  const Token previous = previous_;
  const bool type_word = token_.kind == TokenKind::kIdentifier && IsTypeWord(token_.text);
  TypeId type;
  bool is_cast = ParseTypeId(&type) && token_.Is(")");
  if (is_cast) {
    Advance();
    // "(a) - b" is a difference, "(T *) - b" a cast.
    is_cast = type_word || type.stars != 0 || token_.kind == TokenKind::kNumber || token_.kind == TokenKind::kString ||
              token_.kind == TokenKind::kChar || token_.kind == TokenKind::kIdentifier || token_.Is("::");
  } else if (type_word) {
    return Fail(kNoCasts, open);
  }
  if (!is_cast) {
    lexer_ = lexer;
    token_ = token;
    previous_ = previous;
    *error_ = {};
    return {};
  }
  Parsed operand = ParseUnary(nesting + 1);
  if (operand.ast == nullptr) return {};
  const size_t end = operand.ast->end;
  return Cast("", type, open, end, std::move(operand));
}

// static_cast<T>(e)
Parsed Parser::ParseNamedCast(int nesting) {
  const Token keyword = token_;
  Advance();
  if (!token_.Is("<")) return Fail("'<' is expected after '" + std::string(keyword.text) + "'", keyword.begin);
  Advance();
  TypeId type;
  if (!ParseTypeId(&type) || !token_.Is(">")) return Fail(kNoCasts, keyword.begin);
  Advance();
  if (!token_.Is("(")) return FailHere("'(' is expected here");
  const size_t open = token_.begin;
  Advance();
  Parsed operand = ParseBinary(1, nesting + 1);
  if (operand.ast == nullptr) return {};
  if (!token_.Is(")")) return Fail("this '(' is not closed", open);
  const size_t end = token_.end;
  Advance();
  return Cast(keyword.text, type, keyword.begin, end, std::move(operand));
}

Parsed Parser::ParseParenthesized(int nesting) {
  const size_t open = token_.begin;
  Advance();
  if (token_.Is(")")) return FailHere("an operand is missing here");
  if (token_.kind == TokenKind::kIdentifier || token_.Is("::")) {
    Parsed cast = ParseCCast(open, nesting);
    if (cast.ast != nullptr || !error_->message.empty()) return cast;
  }
  Parsed inner = ParseBinary(1, nesting + 1);
  if (inner.ast == nullptr) {
    // "(const T &)x" fails at the ')' because the '&' has no right operand.
    const bool is_reference_type = token_.Is(")") && (previous_.Is("*") || previous_.Is("&") || previous_.Is("&&"));
    return is_reference_type ? Fail(kNoCasts, open) : Parsed{};
  }
  if (token_.kind == TokenKind::kEnd) return Fail("this '(' is not closed", open);
  if (!token_.Is(")")) {
    FailAtLeftover();
    return {};
  }
  const size_t end = token_.end;
  Advance();
  inner.ast->begin = open;
  inner.ast->end = end;
  return inner;
}

// [::] name (:: name)*, written without spaces into *name.
bool Parser::ParseQualifiedName(std::string* name, size_t* end) {
  if (token_.Is("::")) {
    *name += "::";
    Advance();
  }
  while (true) {
    if (token_.kind != TokenKind::kIdentifier) {
      FailHere("expected a name here");
      return false;
    }
    const std::string_view word = token_.text;
    if (const char* reason = RefusalOfWord(word); reason != nullptr) {
      FailHere(reason);
      return false;
    }
    if (IsTypeWord(word)) {
      FailHere("types are not supported in expressions");
      return false;
    }
    const bool is_value_word =
        word == "this" || word == "true" || word == "false" || word == "nullptr" || (word[0] == '$' && !name->empty());
    if (is_value_word || IsOtherKeyword(word)) {
      FailHere("'" + std::string(word) + "' is not a name");
      return false;
    }
    name->append(word);
    *end = token_.end;
    Advance();
    if (!token_.Is("::") || (*name)[0] == '$') return true;
    *name += "::";
    Advance();
  }
}

Parsed Parser::ParseWord(int nesting) {
  const Token word = token_;
  auto literal = [&](AstKind kind, uint64_t value) {
    Parsed out = Node(kind, kind == AstKind::kName ? word.text : "", word.begin, word.end);
    out.ast->integer = value;
    Advance();
    return out;
  };
  if (word.IsWord("static_cast") || word.IsWord("reinterpret_cast")) return ParseNamedCast(nesting);
  if (word.IsWord("true") || word.IsWord("false")) return literal(AstKind::kBool, word.IsWord("true") ? 1 : 0);
  if (word.IsWord("nullptr") || word.IsWord("NULL")) return literal(AstKind::kNull, 0);
  if (word.IsWord("this")) return literal(AstKind::kName, 0);
  if (word.kind == TokenKind::kIdentifier && IsTypeWord(word.text)) return FailHere(kNoCasts);
  std::string name;
  size_t end = 0;
  if (!ParseQualifiedName(&name, &end)) return {};
  return Node(AstKind::kName, name, word.begin, end);
}

Parsed Parser::ParseNumber() {
  const std::optional<NumberLiteral> number = EvaluateNumber(token_, error_);
  if (!number.has_value()) return {};
  const AstKind kind = number->is_float ? AstKind::kFloat : number->is_time ? AstKind::kTime : AstKind::kInteger;
  Parsed out = Node(kind, "", token_.begin, token_.end);
  out.ast->type_name = number->type_name;
  out.ast->integer = number->integer;
  out.ast->floating = number->floating;
  Advance();
  return out;
}

Parsed Parser::ParseStrings() {
  const size_t begin = token_.begin;
  size_t end = begin;
  std::string contents;
  for (; token_.kind == TokenKind::kString; Advance()) {
    if (!AppendString(token_, &contents, error_)) return {};
    end = token_.end;
  }
  return Node(AstKind::kString, contents, begin, end);
}

}  // namespace

AstPtr ParseSource(std::string_view source, SyntaxError* error) {
  if (source.size() > kMaxExpressionLength) {
    *error = {"this expression is longer than " + std::to_string(kMaxExpressionLength) + " bytes", 0};
    return nullptr;
  }
  if (const std::optional<size_t> bad = FindInvalidUtf8(source); bad.has_value()) {
    *error = {"this is not UTF-8 text", *bad};
    return nullptr;
  }
  if (source.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos) {
    *error = {"the expression is empty", 0};
    return nullptr;
  }
  return Parser(source, error).ParseWhole();
}

absl::StatusOr<AstPtr> ParseExpression(std::string_view source) {
  SyntaxError error;
  AstPtr ast = ParseSource(source, &error);
  if (ast == nullptr) return ToStatus(error, source);
  return ast;
}

}  // namespace dlog::expr
