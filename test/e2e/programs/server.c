// SPDX-License-Identifier: Apache-2.0
//
// State as C servers keep it: unions, bit-fields, function pointers, addresses of sockets, times.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { IDLE, READING = 3, CLOSED = -1 };
enum flags { KEEP = 1, SECURE = 2, PROXIED = 4 };
typedef int (*handler)(int);
union payload {
  uint32_t word;
  float real;
  struct {
    uint16_t low, high;
  } half;
};
struct bits {
  unsigned version : 4, length : 4;
  int delta : 5;
  uint64_t big : 40;
  enum state state : 3;
};
struct connection {
  enum state state;
  enum flags flags;
  struct sockaddr* peer;
  struct sockaddr_in in;
  handler table[2];
  struct bits bits;
  union payload payload;
  struct timespec since;
  char buffer[16];
  int error;
};

__attribute__((noinline)) int on_get(int a) { return a + 1; }

__attribute__((noinline)) int probe(struct connection* c) {
  __asm__ volatile("" : : "r"(c) : "memory");
  return (int)c->bits.delta;  // the logpoint
}

int main(void) {
  struct connection c;
  memset(&c, 0, sizeof c);
  c.state = READING;
  c.flags = KEEP | PROXIED;
  c.in.sin_family = AF_INET;
  c.in.sin_port = htons(8080);
  inet_pton(AF_INET, "192.0.2.7", &c.in.sin_addr);
  c.peer = (struct sockaddr*)&c.in;
  c.table[1] = on_get;
  c.bits.version = 4;
  c.bits.length = 15;
  c.bits.delta = -3;
  c.bits.big = 0x123456789aULL;
  c.bits.state = CLOSED;
  c.payload.real = 1.5F;
  c.since.tv_sec = 7;
  c.since.tv_nsec = 500000000;
  strcpy(c.buffer, "GET /");
  c.error = 2;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += probe(&c);
    usleep(10000);
  }
  return sum == 0;
}
