// SPDX-License-Identifier: Apache-2.0
int FromB(int value) {
  int doubled = value * 3;
  return doubled % 1000;
}
