// SPDX-License-Identifier: Apache-2.0
//
// Promise 6: what is redacted is never copied. Expressions over this program's own objects are compiled, the plans are
// run by the interpreter over this program's memory, and no segment of a record may hold a byte of a secret.
#include <malloc.h>

#include <array>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/attach/plan_assembler.h"
#include "symbolizer/base/redaction_rules.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/format_spec.h"
#include "symbolizer/plan/plan_builder.h"
#include "symbolizer/visualizers/catalog.h"
#include "test/bpf/host_interpreter.h"
#include "test/catch.h"

namespace redaction_test {
// Every secret is made of these bytes, and nothing else is.
constexpr char kMarker[] = "ZQXJKVZQXJKVZQXJKVZQXJ";

struct Plain {
  int id = 7;
  char name[8] = "plain";
};
struct User {
  int id = 1;
  char password[24];
  char name[8] = "ada";
  int token = 0x4a58515a;
  int after = 2;
  const char* secret_text = nullptr;
  User();
};
User::User() {
  std::memcpy(password, kMarker, sizeof(kMarker));
  secret_text = password;
}
struct Admin : User {
  int level = 3;
};
struct Team {
  std::string title = "a title that is too long for the object itself";
  User lead;
  User members[2];
};
union Overlaid {
  char password[16];
  struct {
    int first;
    int second;
  } parts;
};
struct Bits {
  unsigned low : 4;
  unsigned secret : 9;
  unsigned high : 19;
};
struct DbCredentials {
  char text[24];
};
struct Connection {
  int port = 5432;
  DbCredentials login;
  DbCredentials* other = nullptr;
};

User g_user;
User* g_user_pointer = &g_user;
User& g_user_reference = g_user;
Admin g_admin;
Team g_team;
Plain g_plain;
Plain* g_plain_pointer = &g_plain;
Overlaid g_overlaid = {"ZQXJKVZQXJKVZQX"};
Bits g_bits = {5, 0x1ff, 9};
Connection g_connection;
char g_password[24] = "ZQXJKVZQXJKVZQXJKVZQXJ";
// On both sides of something harmless.
struct Row {
  char pwd1[8];
  int left = 10;
  char pwd2[8];
  int right = 20;
};
Row g_row;
void* g_void = &g_user;
unsigned long g_number = 0;

std::vector<User> g_vector(3);
std::list<User> g_list(3);
std::map<int, User> g_map;
std::unordered_map<int, User> g_hash;
std::optional<User> g_optional{User()};
std::unique_ptr<User> g_unique = std::make_unique<User>();
std::array<User, 2> g_array;
std::map<int, DbCredentials> g_by_type;

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("" : : "r"(amount) : "memory");
  return amount;
}
}  // namespace redaction_test

namespace dlog::plan {
namespace {

namespace here = redaction_test;

const RedactionConfig kConfig = {{"password", "secret", "token", "pwd"}, {"*Credentials"}, {}};

class Program {
 public:
  Program() {
    auto opened = dwarf::Module::Open("/proc/self/exe", {});
    REQUIRE(opened.ok());
    module = *std::move(opened);
    auto functions = dwarf::FunctionsNamed(*module, "redaction_test::Anchor");
    REQUIRE((functions.ok() && !functions->empty()));
    entry = functions->front().entry;
    auto found = dwarf::FunctionAt(*module, functions->front().unit, entry);
    REQUIRE(found.ok());
    scope = *std::move(found);
    auto built_in = visualizers::Catalog::BuiltIn();
    REQUIRE(built_in.ok());
    catalog = *std::move(built_in);
    std::memcpy(here::g_connection.login.text, here::kMarker, sizeof(here::kMarker));
    here::g_connection.other = &here::g_connection.login;
    here::g_by_type[1] = here::g_connection.login;
    for (int i = 0; i < 3; ++i) here::g_map[i] = here::g_hash[i] = here::g_user;
    std::memcpy(here::g_row.pwd1, here::kMarker, 8);
    std::memcpy(here::g_row.pwd2, here::kMarker, 8);
  }
  std::unique_ptr<dwarf::Module> module;
  dwarf::FunctionScope scope;
  LinkAddress entry;
  visualizers::Catalog catalog;
};

Program& TheProgram() {
  static Program program;
  return program;
}

struct Outcome {
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  std::string bytes;     // of all segments of the record
  std::string captured;  // what was asked for beside the secret is there
};

// A fake memory that is this process's own.
void MapOwnMemory(test::HostInterpreter* run) {
  const auto map = [&](const void* object, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(object);
    run->memory.Map(reinterpret_cast<uint64_t>(object), std::vector<uint8_t>(bytes, bytes + size));
  };
  const auto map_node = [&](const void* entry, size_t header) {
    const char* node = static_cast<const char*>(entry) - header;
    map(node, malloc_usable_size(const_cast<char*>(node)));
  };
// NOLINTBEGIN(bugprone-sizeof-expression,bugprone-sizeof-container): the objects themselves, also where they are
// pointers
#define MAP(object) map(&(object), sizeof(object))
  MAP(here::g_user), MAP(here::g_user_pointer), MAP(here::g_user_reference), MAP(here::g_admin), MAP(here::g_team);
  MAP(here::g_plain), MAP(here::g_plain_pointer), MAP(here::g_overlaid), MAP(here::g_bits), MAP(here::g_connection);
  MAP(here::g_password), MAP(here::g_row), MAP(here::g_void), MAP(here::g_number), MAP(here::g_vector);
  MAP(here::g_list), MAP(here::g_map), MAP(here::g_hash), MAP(here::g_optional), MAP(here::g_unique);
  MAP(here::g_array), MAP(here::g_by_type);
#undef MAP
  // NOLINTEND(bugprone-sizeof-expression,bugprone-sizeof-container)
  map(here::g_team.title.data(), here::g_team.title.size() + 1);
  map(here::g_vector.data(), here::g_vector.size() * sizeof(here::User));
  for (const auto& user : here::g_list) map_node(&user, 16);
  for (const auto& entry : here::g_map) map_node(&entry, 32);
  for (const auto& entry : here::g_hash) map_node(&entry, 8);
  for (const auto& entry : here::g_by_type) map_node(&entry, 32);
  map(here::g_unique.get(), sizeof(here::User));
}

std::vector<dlog_op> Slice(const attach::AssembledPlan& plan, const dlog_range& range) {
  return {plan.ops.begin() + range.first, plan.ops.begin() + range.first + range.count};
}

// The condition is compiled, too, when it is not empty.
SitePlan Build(const std::vector<std::string>& texts, const std::string& condition, const RedactionConfig& config,
               google::protobuf::RepeatedPtrField<v1::Type>* table, const std::string& format = "") {
  Program& program = TheProgram();
  std::vector<expr::AstPtr> asts;
  PlanRequest request;
  for (const std::string& text : texts) {
    auto ast = expr::ParseExpression(text);
    INFO(text);
    REQUIRE(ast.ok());
    asts.push_back(*std::move(ast));
    request.values.push_back({asts.back().get(), text, format, nullptr});
    const std::string_view count = expr::CountExpression(format);
    if (count.empty()) continue;
    auto counted = expr::ParseExpression(count);
    REQUIRE(counted.ok());
    asts.push_back(*std::move(counted));
    request.values.back().count = asts.back().get();
  }
  expr::AstPtr condition_ast;
  if (!condition.empty()) {
    auto ast = expr::ParseExpression(condition);
    REQUIRE(ast.ok());
    condition_ast = *std::move(ast);
    request.condition = {condition_ast.get(), condition, ""};
  }
  const RedactionRules rules(config);
  dwarf::TypeGraph types(*program.module, table, &rules);
  Shaper shaper(program.catalog, &types);
  SiteContext site;
  site.module = program.module.get();
  site.scope = &program.scope;
  site.point = {program.entry, program.entry};
  const std::vector<dwarf::LineRow> no_rows;
  site.rows = &no_rows;
  return BuildSitePlan(request, site, &types, &shaper);
}

std::string Captured(const v1::CapturePlan& capture) {
  auto assembled = attach::AssemblePlan(capture);
  INFO(assembled.status().ToString());
  REQUIRE(assembled.ok());
  test::HostInterpreter run;
  run.max_bytes = 32768;
  run.registers[16] = reinterpret_cast<uint64_t>(&here::Anchor);
  MapOwnMemory(&run);
  run.capture = Slice(*assembled, assembled->capture);
  for (const dlog_range& range : assembled->routines) run.routines.push_back(Slice(*assembled, range));
  run.RunCapture();
  std::string bytes;
  for (const test::Segment& segment : run.segments()) bytes += segment.text();
  return bytes;
}

Outcome Run(const std::string& text, const std::string& format = "", const RedactionConfig& config = kConfig) {
  google::protobuf::RepeatedPtrField<v1::Type> table;
  const SitePlan plan = Build({text}, "", config, &table, format);
  return {plan.expressions[0].status(), plan.expressions[0].reason(), Captured(plan.plan), ""};
}

// Any four bytes in a row of the marker, at any rotation.
bool HasSecret(const std::string& bytes) {
  for (const char* part : {"ZQXJ", "QXJK", "XJKV", "JKVZ", "KVZQ", "VZQX"}) {
    if (bytes.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("the secrets are where these tests look for them") {
  const Outcome open = Run("redaction_test::g_user", "", {});
  CHECK(open.status == v1::STATUS_OK);
  CHECK(HasSecret(open.bytes));
  for (const char* text : {"g_vector", "g_list", "g_map", "g_hash", "g_optional", "g_unique", "g_array", "g_team",
                           "g_by_type", "g_connection", "g_overlaid", "g_row", "g_password", "g_admin"}) {
    INFO(text);
    CHECK(HasSecret(Run(std::string("redaction_test::") + text, "", {}).bytes));
  }
}

TEST_CASE("objects with secrets inside are captured without them") {
  for (const char* text : {"g_user", "*g_user_pointer", "g_admin", "g_team", "g_vector", "g_list", "g_map", "g_hash",
                           "g_optional", "g_unique", "*g_unique", "g_array", "g_by_type", "g_vector[1]",
                           "g_vector.front()", "g_connection", "g_row", "g_team.members", "g_team.lead"}) {
    INFO(text);
    std::string qualified = text;
    qualified.insert(qualified.starts_with("*") ? 1 : 0, "redaction_test::");
    const Outcome outcome = Run(qualified);
    CHECK(outcome.status == v1::STATUS_OK);
    CHECK(!outcome.bytes.empty());
    CHECK_FALSE(HasSecret(outcome.bytes));
  }
}

TEST_CASE("the members beside a secret are still captured") {
  for (const char* text : {"g_user", "g_vector", "g_list", "g_map", "g_hash", "g_unique", "g_array", "g_optional"}) {
    INFO(text);
    const std::string bytes = Run(std::string("redaction_test::") + text).bytes;
    CHECK(bytes.find("ada") != std::string::npos);
  }
}

TEST_CASE("an expression that names a secret is redacted, however it is written") {
  for (const char* text : {"g_password",
                           "*g_password",
                           "g_password[0]",
                           "g_user.password",
                           "g_user.password[3]",
                           "g_user_pointer->password",
                           "(*g_user_pointer).token",
                           "g_user.token + 1",
                           "-g_user.token",
                           "g_user.token == 3",
                           "(long)g_user.token",
                           "g_user.secret_text",
                           "*g_user.secret_text",
                           "&g_user.password",
                           "g_vector[0].token",
                           "g_map.size() + g_user.token",
                           "g_password == \"x\"",
                           "g_connection.login",
                           "g_connection.login.text",
                           "*g_connection.other",
                           "g_connection.other->text[0]",
                           "g_admin.User::token",
                           "g_bits.secret",
                           "g_overlaid.password",
                           "!g_user.token"}) {
    INFO(text);
    std::string qualified = text;
    for (size_t at = 0; (at = qualified.find("g_", at)) != std::string::npos; at += 17) {
      qualified.insert(at, "redaction_test::");
    }
    const Outcome outcome = Run(qualified);
    CHECK(outcome.status == v1::STATUS_REDACTED);
    CHECK_FALSE(outcome.reason.empty());
    CHECK_FALSE(HasSecret(outcome.bytes));
  }
}

TEST_CASE("ways around the names are closed") {
  for (const char* text :
       {"(char*)g_user_pointer", "*(long*)g_user_pointer", "(void*)g_user_pointer", "(long)g_user_pointer",
        "(redaction_test::Plain*)g_user_pointer", "(char*)&g_user.id", "&g_user.name[0]", "*(&g_user.id + 1)",
        "(&g_user.id)[1]", "g_user.name + 8", "(char*)&g_plain", "*(&g_plain + 1)", "(char*)4096",
        "(char*)(g_number + 8)", "(char*)g_connection.other", "(long)&g_user", "g_overlaid.parts.first", "g_bits.low",
        "g_bits.high"}) {
    INFO(text);
    std::string qualified = text;
    for (size_t at = 0; (at = qualified.find("g_", at)) != std::string::npos; at += 17) {
      qualified.insert(at, "redaction_test::");
    }
    const Outcome outcome = Run(qualified);
    CHECK(outcome.status == v1::STATUS_REDACTED);
    CHECK_FALSE(HasSecret(outcome.bytes));
  }
  CHECK_FALSE(HasSecret(Run("redaction_test::g_user_pointer", "[3]").bytes));
  for (const char* count : {"[redaction_test::g_user.id]", "[1]"}) {
    INFO(count);
    const Outcome counted = Run("redaction_test::g_user_pointer", count);
    CHECK(counted.status == v1::STATUS_OK);
    CHECK(counted.bytes.find("ada") != std::string::npos);
    CHECK_FALSE(HasSecret(counted.bytes));
  }
}

TEST_CASE("what has nothing to do with secrets works as ever") {
  for (const char* text : {"g_user.id", "g_user.name", "g_user.name[0]", "g_user.after", "g_user_pointer", "g_plain",
                           "g_plain_pointer->id", "(redaction_test::Admin*)g_user_pointer", "g_plain.name == \"plain\"",
                           "g_user.name == \"ada\"", "&g_plain", "(redaction_test::Plain*)g_void", "g_number",
                           "g_team.title", "g_vector.size()", "(char*)g_plain_pointer"}) {
    INFO(text);
    std::string qualified = text;
    for (size_t at = 0; (at = qualified.find("g_", at)) != std::string::npos; at += 17) {
      qualified.insert(at, "redaction_test::");
    }
    const Outcome outcome = Run(qualified);
    INFO(outcome.reason);
    CHECK(outcome.status == v1::STATUS_OK);
    CHECK_FALSE(HasSecret(outcome.bytes));
  }
}

TEST_CASE("reads of neighbours are not joined over what lies between them") {
  google::protobuf::RepeatedPtrField<v1::Type> table;
  const SitePlan plan = Build({"redaction_test::g_row.left", "redaction_test::g_row.right"}, "", kConfig, &table);
  CHECK_FALSE(HasSecret(Captured(plan.plan)));
}

TEST_CASE("a condition on a secret is refused: it would tell what the secret is") {
  for (const char* condition : {"redaction_test::g_password == \"ZQX\"", "redaction_test::g_user.token > 5",
                                "redaction_test::g_user_pointer->password[0] == 'Z'"}) {
    google::protobuf::RepeatedPtrField<v1::Type> table;
    const SitePlan plan = Build({"redaction_test::g_plain.id"}, condition, kConfig, &table);
    INFO(plan.condition_error.ToString());
    CHECK(absl::IsPermissionDenied(plan.condition_error));
  }
}

}  // namespace
}  // namespace dlog::plan
