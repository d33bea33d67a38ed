// SPDX-License-Identifier: Apache-2.0
//
// One process, three ways to its memory: what the kernel captured at a hit, what process_vm_readv gives of the process
// that has not gone on since, and what a core file of it holds. The same plan and the same renderer, so the same text.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "test/bpf/kernel_fixture.h"
#include "test/captures/own_program.h"
#include "test/catch.h"

namespace captures_test {

enum class Color : uint8_t { kRed, kBlue };
struct Item {
  std::string sku;
  int count;
  Color color;
};
struct Link {
  int id;
  std::shared_ptr<Link> next;
};
struct Broken {
  std::vector<int> garbage;
  const char* nowhere = reinterpret_cast<const char*>(0x10);
};

struct Everything {
  int number = -7;
  double real = 2.5;
  const char* text = "a C string";
  char buffer[8] = "buf";
  std::string small = "small";
  std::string large = std::string(300, 'x');
  std::vector<Item> items = {{"A1", 2, Color::kRed}, {"a longer name that is on the heap", 3, Color::kBlue}};
  std::vector<int> many = std::vector<int>(500, 9);
  std::vector<bool> bits = {true, false, true};
  std::deque<long> queue = std::deque<long>(130, 4);
  std::list<std::string> chain = {"one", "two"};
  std::map<std::string, std::vector<int>> tree = {{"k", {1, 2}}, {"l", {}}};
  std::set<int> numbers = {3, 1, 2};
  std::unordered_map<int, std::string> table = {{5, "five"}};
  std::optional<int> some = 3, none;
  std::variant<int, std::string> choice = "chosen";
  std::tuple<int, std::string> pair = {1, "second"};
  std::unique_ptr<Item> owned = std::make_unique<Item>(Item{"owned", 1, Color::kBlue});
  std::shared_ptr<Link> ring = std::make_shared<Link>(Link{1, nullptr});
  std::shared_ptr<Link> shared = ring;
  std::string moved_from = "text that is long enough to be moved away";
  std::string moved_to = std::move(moved_from);
  int* null = nullptr;
  Broken broken;
  Everything() {
    ring->next = std::make_shared<Link>(Link{2, ring});
    const std::array<uint64_t, 3> header = {0x1000, uint64_t{1} << 62, uint64_t{1} << 62};
    std::copy_n(header.data(), 3, reinterpret_cast<uint64_t*>(&broken.garbage));
  }
};
Everything* g_everything;

__attribute__((noinline)) long Anchor(const Everything* everything, long amount) {
  asm volatile("nop" : : "r"(everything), "r"(amount) : "memory");
  return amount + everything->number;
}

}  // namespace captures_test

namespace dlog::test {
namespace {

// A copy of this process that passes the function once and then stays where it is.
class Child {
 public:
  Child() {
    int go[2], done[2];
    REQUIRE((pipe(go) == 0 && pipe(done) == 0));
    pid_ = fork();
    if (pid_ == 0) {
      char byte = 0;
      captures_test::g_everything = new captures_test::Everything;
      if (write(done[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1) _exit(1);
      byte = static_cast<char>(captures_test::Anchor(captures_test::g_everything, 42));
      if (write(done[1], &byte, 1) != 1) _exit(1);
      while (read(go[0], &byte, 1) == 1) continue;
      _exit(0);
    }
    close(go[0]), close(done[1]);
    go_ = go[1], done_ = done[0];
    Wait();
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(go_), close(done_);
  }
  void Pass() {
    REQUIRE(write(go_, "g", 1) == 1);
    Wait();
  }
  int pid() const { return pid_; }

 private:
  void Wait() {
    char byte = 0;
    REQUIRE(read(done_, &byte, 1) == 1);
  }
  int pid_ = 0, go_ = -1, done_ = -1;
};

// Of 512 bytes. Far above what this process maps, far below what a file system has room for.
constexpr int kMostCoreBlocks = 1 << 20;

// A core file that is gone with this object. Everything is in it, also what the files that are mapped have.
class CoreFile {
 public:
  explicit CoreFile(int pid) {
    std::string name = std::filesystem::temp_directory_path() / "dlog-captures-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    std::ofstream("/proc/" + std::to_string(pid) + "/coredump_filter") << "0x7f\n";
    const std::string command = "ulimit -f " + std::to_string(kMostCoreBlocks) + " && gcore -o " +
                                (directory_ / "core").string() + " " + std::to_string(pid) + " >" +
                                (directory_ / "output").string() + " 2>&1";
    made_ = std::system(command.c_str()) == 0;  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
    path_ = (directory_ / ("core." + std::to_string(pid))).string();
  }
  CoreFile(const CoreFile&) = delete;
  CoreFile& operator=(const CoreFile&) = delete;
  ~CoreFile() { std::filesystem::remove_all(directory_); }
  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::filesystem::path directory_;
  std::string path_;
  bool made_ = false;
};

const std::vector<std::string> kExpressions = {
    "amount",
    "everything",
    "*everything",
    "everything->number:#x",
    "everything->real:.3f",
    "everything->text",
    "everything->buffer:[everything->some.value()]",
    "everything->small",
    "everything->large",
    "everything->items",
    "everything->items[1].sku",
    "everything->many:[3]",
    "everything->bits",
    "everything->queue",
    "everything->chain",
    "everything->tree",
    "everything->tree[\"k\"]",
    "everything->numbers",
    "everything->table",
    "everything->some",
    "everything->none",
    "everything->choice",
    "everything->pair",
    "everything->owned",
    "everything->ring",
    "everything->shared",
    "everything->moved_from",
    "everything->moved_to",
    "*everything->null",
    "everything->broken",
};

// So that the three cannot agree on nothing.
const std::map<std::string, std::string_view> kKnown = {
    {"amount", "ok 42 "},
    {"everything->text", "ok a C string "},
    {"everything->many:[3]", "truncated {9, 9, 9, ...} "},
    {"everything->numbers", "ok {1, 2, 3} "},
    {"everything->table", "ok {[5] = \"five\"} "},
    {"everything->tree[\"k\"]", "ok {1, 2} "},
    {"everything->choice", "ok chosen "},
    {"everything->moved_from", "ok  "},
    {"*everything->null", "unreadable <unreadable 0x0> "},
};

TEST_CASE("the kernel, process_vm_readv and a core file show the same values of one process") {
  const OwnProgram program("captures_test::Anchor", kExpressions);
  Child child;
  std::vector<Record> records;
  {
    auto runtime = NewRuntime();
    attach::AttachRequest request;
    request.path = "/proc/self/exe";
    request.pid = child.pid();
    request.sites.push_back({program.offset(), program.instruction(), program.plan()});
    auto logpoint = Attach(runtime.get(), request);
    child.Pass();
    records = Drain(runtime.get());
  }
  REQUIRE(records.size() == 1);
  const Record& record = records[0];
  pipeline::MemoryImage image;
  REQUIRE(pipeline::LoadRecord(record.header, record.data, program.register_mask(), &image).ok());
  image.SetProbeAddress(program.entry());
  const std::vector<std::string> live = program.Show(image, record.header.flags);

  const std::vector<std::string> read = program.Capture(MemoryOfProcess(child.pid()), record.header.regs);
  const CoreFile core(child.pid());
  REQUIRE(core.made());
  const std::vector<std::string> dead = program.Capture(MemoryOfCore(core.path()), record.header.regs);

  for (size_t i = 0; i < kExpressions.size(); ++i) {
    INFO(kExpressions[i]);
    CHECK_FALSE(live[i].starts_with("refused"));
    CHECK(live[i] == read[i]);
    CHECK(live[i] == dead[i]);
    const auto known = kKnown.find(kExpressions[i]);
    if (known != kKnown.end()) CHECK(live[i].substr(0, known->second.size()) == known->second);
  }
}

}  // namespace
}  // namespace dlog::test
