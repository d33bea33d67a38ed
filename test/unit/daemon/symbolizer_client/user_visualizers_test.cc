// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/user_visualizers.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "symbolizer/base/status_hint.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

class Directory {
 public:
  Directory() {
    std::string name = "/tmp/dlog_visualizers_XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(path_ + "/" + name) << text; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr char kGood[] = "visualizer { match: \"A\" alias { value: \"a\" } }\n";

TEST_CASE("visualizer files are taken in the order of their names, other files are not") {
  const Directory directory;
  directory.Write("b.txtpb", kGood);
  directory.Write("a.txtpb", kGood);
  directory.Write("notes.txt", "no visualizer");
  directory.Write(".a.txtpb", "an editor's");
  auto files = ReadVisualizers(directory.path());
  REQUIRE(files.ok());
  REQUIRE(files->size() == 2);
  CHECK((*files)[0].name() == directory.path() + "/a.txtpb");
  CHECK((*files)[1].text() == kGood);

  UserVisualizers visualizers;
  visualizers.Set(*files);
  v1::SymbolizerRequest request;
  visualizers.AddTo(&request);
  REQUIRE(request.visualizers_size() == 2);
  CHECK(request.visualizers(1).name() == directory.path() + "/b.txtpb");
}

TEST_CASE("a broken visualizer file is an error with its path, line and a hint") {
  const Directory directory;
  directory.Write("mine.txtpb", "\nvisualizer { match: \"A\" sequence { begin: \"a +\" } }\n");
  const absl::Status status = ReadVisualizers(directory.path()).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()), ContainsText(directory.path() + "/mine.txtpb:2: begin: "));
  CHECK_FALSE(HintOf(status).empty());
}

TEST_CASE("a directory that was named must be there, no directory means no visualizers") {
  const Directory directory;
  CHECK(absl::IsNotFound(ReadVisualizers(directory.path() + "/none").status()));
  CHECK(ReadVisualizers("").ok());
}

TEST_CASE("a visualizer file that is too large is refused") {
  const Directory directory;
  directory.Write("large.txtpb", std::string(1 << 20, '#'));
  CHECK(absl::IsResourceExhausted(ReadVisualizers(directory.path()).status()));
}

}  // namespace
}  // namespace dlog::daemon
