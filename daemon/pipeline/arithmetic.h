// SPDX-License-Identifier: Apache-2.0
//
// C++ operators on Scalars: integer promotion, the usual arithmetic conversions, wrapping unsigned arithmetic. What is
// undefined in C++ (signed overflow, division by zero, shift out of range) is an error, never a number.
#pragma once

#include "daemon/pipeline/scalar.h"

namespace dlog::pipeline {

// The result has C++'s own result type. Null on success, else the reason. OP_LOGICAL_* are evaluated without
// short-circuit here; that is the evaluator's business.
const char* ApplyUnary(v1::Operator op, const Scalar& operand, Scalar* out);
const char* ApplyBinary(v1::Operator op, const Scalar& left, const Scalar& right, Scalar* out);

}  // namespace dlog::pipeline
