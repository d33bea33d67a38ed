// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/disk_flusher.h"

#include <fcntl.h>
#include <unistd.h>

#include "test/catch.h"

namespace dlog::sink {
namespace {

TEST_CASE("a flusher that ends has closed every file that was handed over") {
  int read_end = -1;
  {
    DiskFlusher flusher;
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    read_end = ends[0];
    UniqueFd write_end(ends[1]);
    REQUIRE(flusher.Post(&write_end, true));
  }
  char byte;
  CHECK(read(read_end, &byte, 1) == 0);  // the end of the pipe: nobody holds its other side
  close(read_end);
}

}  // namespace
}  // namespace dlog::sink
