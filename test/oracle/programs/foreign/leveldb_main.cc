// SPDX-License-Identifier: Apache-2.0
//
// Runs the same way through LevelDB's tables each time: batch, memtable, table with a Bloom filter, iterators; no
// files, no threads.
#include <cstdio>
#include <memory>
#include <string>

#include "db/dbformat.h"
#include "db/memtable.h"
#include "db/write_batch_internal.h"
#include "leveldb/cache.h"
#include "leveldb/env.h"
#include "leveldb/filter_policy.h"
#include "leveldb/iterator.h"
#include "leveldb/options.h"
#include "leveldb/table.h"
#include "leveldb/table_builder.h"
#include "leveldb/write_batch.h"

namespace {

class Sink : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    contents.append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }

  std::string contents;
};

class Source : public leveldb::RandomAccessFile {
 public:
  explicit Source(const std::string& contents) : contents_(contents) {}
  leveldb::Status Read(uint64_t offset, size_t count, leveldb::Slice* result, char* scratch) const override {
    if (offset >= contents_.size()) return leveldb::Status::InvalidArgument("behind the end");
    *result = leveldb::Slice(scratch, contents_.copy(scratch, count, offset));
    return leveldb::Status::OK();
  }

 private:
  const std::string& contents_;
};

}  // namespace

int main() {
  leveldb::InternalKeyComparator comparator(leveldb::BytewiseComparator());
  auto* memory = new leveldb::MemTable(comparator);
  memory->Ref();
  leveldb::WriteBatch batch;
  for (int i = 0; i < 60; ++i) {
    batch.Put("key" + std::to_string(i * 7 % 60), std::string(i % 9, 'v'));
    if (i % 11 == 0) batch.Delete("key" + std::to_string(i));
  }
  leveldb::WriteBatchInternal::SetSequence(&batch, 100);
  int sum = leveldb::WriteBatchInternal::InsertInto(&batch, memory).ok() ? 1 : 0;
  std::string value;
  leveldb::Status status;
  for (const char* key : {"key3", "key11", "nothing"}) {
    sum += memory->Get(leveldb::LookupKey(key, 200), &value, &status) ? static_cast<int>(value.size()) : 1000;
  }
  leveldb::Options options;
  const std::unique_ptr<const leveldb::FilterPolicy> bloom(leveldb::NewBloomFilterPolicy(10));
  const std::unique_ptr<leveldb::Cache> cache(leveldb::NewLRUCache(4096));
  options.filter_policy = bloom.get();
  options.block_cache = cache.get();
  options.block_size = 256;
  options.comparator = &comparator;
  options.compression = leveldb::kNoCompression;
  Sink sink;
  {
    leveldb::TableBuilder builder(options, &sink);
    const std::unique_ptr<leveldb::Iterator> from(memory->NewIterator());
    for (from->SeekToFirst(); from->Valid(); from->Next()) builder.Add(from->key(), from->value());
    sum += builder.Finish().ok() ? static_cast<int>(builder.FileSize()) : 0;
  }
  Source source(sink.contents);
  leveldb::Table* opened = nullptr;
  sum += leveldb::Table::Open(options, &source, sink.contents.size(), &opened).ok() ? 1 : 0;
  const std::unique_ptr<leveldb::Table> table(opened);
  const std::unique_ptr<leveldb::Iterator> all(table->NewIterator(leveldb::ReadOptions()));
  for (all->SeekToLast(); all->Valid(); all->Prev()) sum += static_cast<int>(all->value().size());
  all->Seek(leveldb::LookupKey("key4", 200).internal_key());
  sum += all->Valid() ? static_cast<int>(table->ApproximateOffsetOf(all->key())) : 0;
  memory->Unref();
  std::printf("%d\n", sum);
  return 0;
}
