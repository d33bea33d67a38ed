// SPDX-License-Identifier: Apache-2.0
//
// Cheaper instructions for statements of one module (symbolizer/code/site_mover.h), with what the file and its debug
// information know about where control comes from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "symbolizer/base/addresses.h"
#include "symbolizer/code/site_mover.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::symbolizer {

// How the first instruction of a function is reached.
enum class FunctionStart {
  kUnknown,  // the flow of control is not known for certain
  kLoop,     // maybe by jumps within the function, too
  kCalls,    // by calls, and by tail calls
};

// Looks at the whole file once, at the first statement that asks. Not thread-safe.
class SiteFinder {
 public:
  explicit SiteFinder(const dwarf::Module& module) : module_(module) {}

  // No moves when there is no better place, or when the flow of the function is not known for certain: code written in
  // assembly, exception tables that are not understood.
  code::MoveSearch MovesFor(const dwarf::FunctionScope& scope, LinkAddress statement,
                            const code::CaptureInputs& inputs);

  // `entry`: the function's first instruction.
  FunctionStart StartOf(const dwarf::FunctionScope& scope, LinkAddress entry);

 private:
  struct Function {
    std::unique_ptr<code::FunctionFlow> flow;  // null: nothing in it can be moved
  };
  void LoadImage();
  const Function& FunctionOf(const dwarf::FunctionScope& scope);
  std::unique_ptr<code::FunctionFlow> FlowOf(const dwarf::FunctionScope& scope);

  const dwarf::Module& module_;
  bool loaded_ = false;
  bool usable_ = false;  // the image can be relied on
  code::Image image_;
  std::map<uint64_t, Function> functions_;  // by offset of the subprogram's DIE
};

}  // namespace dlog::symbolizer
