// SPDX-License-Identifier: Apache-2.0
// Things that nobody must see, beside things that anybody may. Every secret is made of the marker that redaction.py
// looks for.
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

const char* Marker() {
  static char text[] = "XQZWVJKXQZWVJKXQZWVJKX";
  return text;
}

struct User {
  int id;
  char password[24];
  std::string name;
  std::string api_key;
  int visits;
  std::unique_ptr<std::string> session_token;
};

struct Credentials {
  char text[24];
};

__attribute__((noinline)) void handle(const User& user, const std::vector<User>& team, const std::map<int, User>& by_id,
                                      const Credentials& login, const char* password, int round) {
  asm volatile("" : : "r"(&user), "r"(&team), "r"(&by_id), "r"(&login), "r"(password), "r"(round) : "memory");  // MARK
}

User Make(int id) {
  User user{id, "", "user " + std::to_string(id), Marker(), id * 10, std::make_unique<std::string>(Marker())};
  std::strncpy(user.password, Marker(), sizeof(user.password));
  return user;
}

}  // namespace

int main() {
  const User user = Make(1);
  std::vector<User> team;
  for (int i = 2; i < 5; ++i) team.push_back(Make(i));
  std::map<int, User> by_id;
  for (int i = 5; i < 8; ++i) by_id.emplace(i, Make(i));
  Credentials login;
  std::strncpy(login.text, Marker(), sizeof(login.text));
  for (int round = 0;; ++round) {
    handle(user, team, by_id, login, Marker(), round);
    usleep(2000);
  }
}
