// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/base/redaction_rules.h"

#include "test/catch.h"

namespace dlog {
namespace {

const RedactionRules kRules({{"password", "secret", "api_key", "*pin_code"},
                             {"*Credentials", "vault::*"},
                             {"token_secret_count", "Form::password", "UserCredentials"}});

TEST_CASE("identifiers fall into words at underscores, humps and digits") {
  using Words = std::vector<std::string>;
  CHECK(WordsOfIdentifier("m_apiKey2_") == Words{"m", "api", "key", "2"});
  CHECK(WordsOfIdentifier("NEW_API_KEYS") == Words{"new", "api", "keys"});
  CHECK(WordsOfIdentifier("APIKeyOld") == Words{"api", "key", "old"});
  CHECK(WordsOfIdentifier("__").empty());
}

TEST_CASE("a rule matches its words in any spelling") {
  for (const char* name : {"password", "user_password", "m_passwords_", "passwordHash", "dbpassword", "apiKey",
                           "API_KEY", "apikey", "old_api_key_2", "user::secret", "__secret", "x_pin_code"}) {
    INFO(name);
    CHECK(kRules.ForName(name).has_value());
  }
  for (const char* name : {"secretary", "key", "api", "key_api", "pass", "word", "pin_codes"}) {
    INFO(name);
    CHECK_FALSE(kRules.ForName(name).has_value());
  }
  CHECK(kRules.ForName("my_api_key") == "api_key");
}

TEST_CASE("an exclusion names an identifier, a member or a type") {
  CHECK_FALSE(kRules.ForName("token_secret_count").has_value());
  CHECK_FALSE(kRules.ForName("password", "gui::Form<int>").has_value());
  CHECK(kRules.ForName("password", "gui::Login").has_value());
  CHECK(kRules.ForName("password").has_value());
  CHECK_FALSE(kRules.ForType("app::UserCredentials").has_value());
}

TEST_CASE("types are matched without arguments and qualifiers; pointers to them are other types") {
  CHECK(kRules.ForType("app::DbCredentials").has_value());
  CHECK(kRules.ForType("const Credentials").has_value());
  CHECK(kRules.ForType("const (anonymous namespace)::Credentials").has_value());
  CHECK(kRules.ForType("a::(anonymous namespace)::b::DbCredentials").has_value());
  CHECK_FALSE(kRules.ForType("DbCredentials (int)").has_value());
  CHECK(kRules.ForType("vault::Box<std::string>").has_value());
  CHECK_FALSE(kRules.ForType("std::vector<vault::Box>").has_value());
  CHECK_FALSE(kRules.ForType("DbCredentials *").has_value());
  CHECK_FALSE(kRules.ForType("const DbCredentials &").has_value());
}

TEST_CASE("without rules nothing is redacted") {
  CHECK_FALSE(RedactionRules().active());
  CHECK_FALSE(RedactionRules().ForName("password").has_value());
  CHECK_FALSE(RedactionRules().ForType("Password").has_value());
}

}  // namespace
}  // namespace dlog
