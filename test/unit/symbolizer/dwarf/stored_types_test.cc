// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/stored_types.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/type_lookup.h"
#include "symbolizer/dwarf/unit_index.h"
#include "test/catch.h"

namespace dlog::dwarf {
namespace {

namespace fs = std::filesystem;

class CacheDirectory {
 public:
  CacheDirectory() {
    std::string path = (fs::temp_directory_path() / "dlog-types.XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  CacheDirectory(const CacheDirectory&) = delete;
  CacheDirectory& operator=(const CacheDirectory&) = delete;
  ~CacheDirectory() { fs::remove_all(path_); }

  std::unique_ptr<Module> Open() const {
    elf::DebugSearch search;
    search.cache_directory = path_;
    auto module = Module::Open(DLOG_PROGRAMS_DIR "/zoo.gcc.O0.dwarf5", search);
    if (!module.ok()) FAIL(module.status().ToString());
    return *std::move(module);
  }
  fs::path Only() const {
    REQUIRE(std::distance(fs::directory_iterator(path_), fs::directory_iterator()) == 1);
    return fs::directory_iterator(path_)->path();
  }

 private:
  std::string path_;
};

TEST_CASE("A second run knows the types of all units without a walk over them") {
  const CacheDirectory cache;
  const auto first = cache.Open();
  auto walked = ClassNamed(*first, "zoo::Hidden");
  REQUIRE(walked.has_value());
  CHECK(first->cache().named_types_built);

  const auto second = cache.Open();
  auto known = ClassNamed(*second, "zoo::Hidden");
  REQUIRE(known.has_value());
  CHECK_FALSE(second->cache().named_types_built);
  CHECK(dwarf_dieoffset(&*known) == dwarf_dieoffset(&*walked));
  CHECK_FALSE(ClassNamed(*second, "zoo::NoSuchClass").has_value());
}

TEST_CASE("Kept types that are damaged are learned anew") {
  const CacheDirectory cache;
  REQUIRE(ClassNamed(*cache.Open(), "zoo::Hidden").has_value());
  fs::resize_file(cache.Only(), 100);
  const auto module = cache.Open();
  CHECK(ClassNamed(*module, "zoo::Hidden").has_value());
  CHECK(module->cache().named_types_built);
}

TEST_CASE("A kept entry that names another DIE is not believed") {
  const CacheDirectory cache;
  const auto module = cache.Open();
  auto hidden = ClassNamed(*module, "zoo::Hidden");
  auto other = ClassNamed(*module, "zoo::Base");
  REQUIRE((hidden.has_value() && other.has_value()));
  const std::vector<StoredType> types = {
      {HashOfName("zoo::Hidden"), dwarf_dieoffset(&*other), StoredType::kDefinition, 0},
      {HashOfName("zoo::Hidden"), uint64_t{1} << 40, StoredType::kDefinition, 0}};
  CHECK(FindStored(*module, types, "zoo::Hidden", StoredType::kDefinition).empty());
}

}  // namespace
}  // namespace dlog::dwarf
