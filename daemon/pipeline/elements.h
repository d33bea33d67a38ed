// SPDX-License-Identifier: Apache-2.0
//
// The elements of a container, one after the other, as its Shape says: linked lists, trees, blocks, open hash tables,
// contiguous runs. All of them are target memory at some moment: every step is bounded, and what does not add up ends
// the walk with a reason.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/pipeline/evaluator.h"

namespace dlog::pipeline {

class Elements {
 public:
  enum class End {
    kMore,         // there is an element
    kDone,         // none is left
    kNotCaptured,  // the rest was not captured
    kUnreadable,   // the rest could not be read: reason() is the address
    kCorrupt,      // reason() says what does not add up
  };

  // All arguments outlive it. `self` is the container; `count` its elements, or kUnknown (LIST).
  static constexpr uint64_t kUnknown = ~uint64_t{0};
  Elements(const Object& self, const v1::Shape& shape, uint64_t count, const TypeTable& types,
           const MemoryImage& image);

  // Steps to the next element; at first to the first.
  End Next(Object* element);
  const std::string& reason() const { return reason_; }

 private:
  End NextNode(Object* element);
  End NextTreeNode();
  bool branches() const { return shape_.kind() == v1::Shape::TREE && shape_.block() != 0; }  // a B-tree
  End NextInBranches(Object* element);
  End DescendBranch();
  End NextInBlock(Object* element);
  End NextSlot(Object* element);
  // A word of the container, or of the node at `node`.
  bool Word(const v1::Node& node, uint64_t* out) { return Evaluated(node, self_, out); }
  bool WordAt(const v1::Node& node, uint64_t address, uint64_t* out);
  bool Evaluated(const v1::Node& node, const Object& self, uint64_t* out);
  End Start();
  // Why a word could not be had.
  End Missing() const;
  // The same of bytes; sets the reason.
  End Unread(const ReadResult& read);

  const Object& self_;
  const v1::Shape& shape_;
  const uint64_t count_;
  const TypeTable& types_;
  const MemoryImage& image_;
  uint64_t done_ = 0;
  uint64_t steps_ = 0;
  uint64_t data_ = 0;   // first element, first node's place, array of blocks, control bytes
  uint64_t start_ = 0;  // BLOCKS
  uint64_t slots_ = 0;  // SLOTS
  uint64_t capacity_ = 0;
  uint64_t end_ = 0;
  uint64_t node_ = 0;
  uint64_t at_ = 0;     // B-tree: the element's number in its node
  bool inner_ = false;  // that node has children
  uint64_t stride_ = 0;
  v1::ValueStatus status_ = v1::STATUS_OK;
  std::string reason_;
};

}  // namespace dlog::pipeline
