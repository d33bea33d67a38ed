// SPDX-License-Identifier: Apache-2.0
//
// A call that the compiler cannot see through, so that what is passed stays alive until then.
void Keep(const void* /*object*/) {}
