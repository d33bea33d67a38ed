// SPDX-License-Identifier: Apache-2.0
int FromA(int value) {
  int doubled = value * 2;
  return doubled % 1000;
}
