// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/file_policy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "test/catch.h"

namespace dlog::daemon {
namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  Tree() {
    char name[] = "/tmp/dlog-policy-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Tree() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  // A file that starts like ELF, or not.
  std::string Put(const std::string& name, const std::string& content = "\177ELF and more") const {
    fs::create_directories(fs::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << content;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

int ErrorOf(const FilePolicy& policy, const std::string& path) {
  int error = -1;
  const UniqueFd fd = policy.Open(path, &error);
  CHECK(fd.valid() == (error == 0));
  if (fd.valid()) CHECK((fcntl(fd.get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
  return error;
}

TEST_CASE("files that the request names are handed out, whatever they are") {
  Tree tree;
  v1::SymbolizerRequest request;
  request.add_modules()->set_open_path(tree.Put("bin/module"));
  request.mutable_spec()->mutable_target()->set_debug_file(tree.Put("else/text", "no ELF"));
  const FilePolicy policy(request);
  CHECK(ErrorOf(policy, tree / "bin/module") == 0);
  CHECK(ErrorOf(policy, tree / "else/text") == 0);  // so that the worker can say what is wrong with it
}

TEST_CASE("other files are not, even in the same tree") {
  Tree tree;
  v1::SymbolizerRequest request;
  request.add_modules()->set_open_path(tree.Put("bin/module"));
  const FilePolicy policy(request);
  CHECK(ErrorOf(policy, "/etc/shadow") == EACCES);
  CHECK(ErrorOf(policy, "/etc/passwd") == EACCES);
  CHECK(ErrorOf(policy, "/bin/true") == EACCES);
  CHECK(ErrorOf(policy, tree.Put("lib/other")) == EACCES);
  CHECK(ErrorOf(policy, tree.Put("bin/deeper/other")) == EACCES);
  CHECK(ErrorOf(policy, tree / "bin/../lib/other") == EACCES);
  CHECK(ErrorOf(policy, "") == EACCES);
  CHECK(ErrorOf(policy, std::string((tree / "bin/module") + '\0')) == EACCES);
}

TEST_CASE("ELF files beside a module and in .debug are, others there are not") {
  Tree tree;
  v1::SymbolizerRequest request;
  request.add_modules()->set_open_path(tree.Put("bin/module"));
  const FilePolicy policy(request);
  CHECK(ErrorOf(policy, tree.Put("bin/module.debug")) == 0);
  CHECK(ErrorOf(policy, tree.Put("bin/.debug/module.debug")) == 0);
  CHECK(ErrorOf(policy, tree.Put("bin/key.pem", "-----BEGIN")) == EACCES);
  CHECK(ErrorOf(policy, tree / "bin/absent.debug") == ENOENT);
}

TEST_CASE("a symbolic link to a file that is no ELF gains nothing") {
  Tree tree;
  v1::SymbolizerRequest request;
  request.add_modules()->set_open_path(tree.Put("bin/module"));
  fs::create_symlink("/etc/shadow", tree / "bin/module.debug");
  CHECK(ErrorOf(FilePolicy(request), tree / "bin/module.debug") == EACCES);
}

TEST_CASE("ELF files below the debug directories are, and paths that climb out are not") {
  Tree tree;
  v1::SymbolizerRequest request;
  request.add_debug_directories(tree / "debug");
  const FilePolicy policy(request);
  CHECK(ErrorOf(policy, tree.Put("debug/.build-id/ab/cdef.debug")) == 0);
  CHECK(ErrorOf(policy, tree.Put("debug/.dwz/x.debug")) == 0);
  CHECK(ErrorOf(policy, tree / "debug/.build-id/ab/../../.dwz/x.debug") == 0);
  tree.Put("secret/x.debug");
  CHECK(ErrorOf(policy, tree / "debug/../secret/x.debug") == EACCES);
  CHECK(ErrorOf(policy, tree / "debugger") == EACCES);
}

TEST_CASE("split DWARF is read wherever the compiler left it, by its real name") {
  Tree tree;
  const FilePolicy policy{v1::SymbolizerRequest()};
  CHECK(ErrorOf(policy, tree.Put("obj/a.dwo")) == 0);
  CHECK(ErrorOf(policy, tree.Put("obj/a.dwp")) == 0);
  CHECK(ErrorOf(policy, tree.Put("obj/b.dwo", "text")) == EACCES);
  fs::create_symlink("/bin/true", tree / "obj/c.dwo");
  CHECK(ErrorOf(policy, tree / "obj/c.dwo") == EACCES);
}

TEST_CASE("a FIFO is refused and does not block") {
  Tree tree;
  v1::SymbolizerRequest request;
  request.add_modules()->set_open_path(tree / "fifo");
  REQUIRE(mkfifo((tree / "fifo").c_str(), 0600) == 0);
  CHECK(ErrorOf(FilePolicy(request), tree / "fifo") == EACCES);
}

TEST_CASE("links inside a target's root stay inside it") {
  Tree tree;
  tree.Put("outside.debug");
  tree.Put("root/store/real.debug");
  tree.Put("root/usr/lib/debug/.build-id/x");
  fs::create_symlink("/store/real.debug", tree / "root/usr/lib/debug/.build-id/inside.debug");
  fs::create_symlink(tree / "outside.debug", tree / "root/usr/lib/debug/.build-id/absolute.debug");
  fs::create_symlink("../../../../../outside.debug", tree / "root/usr/lib/debug/.build-id/climbing.debug");
  v1::SymbolizerRequest request;
  request.set_root(tree / "root");
  const FilePolicy policy(request);
  CHECK(ErrorOf(policy, tree / "root/usr/lib/debug/.build-id/inside.debug") == 0);
  CHECK(ErrorOf(policy, tree / "root/usr/lib/debug/.build-id/absolute.debug") == ENOENT);
  CHECK(ErrorOf(policy, tree / "root/usr/lib/debug/.build-id/climbing.debug") == ENOENT);
}

}  // namespace
}  // namespace dlog::daemon
