// Two processes that block in read(2) and write(2) on a pipe each way.
#include "bare.h"

#include <fcntl.h>
#include <unistd.h>

static int up[2], down[2];

static void open_pair(void) {
  if (pipe2(up, O_CLOEXEC) != 0 || pipe2(down, O_CLOEXEC) != 0) fail("pipe2");
}

static void serve(void) {
  close(up[1]);
  close(down[0]);
  serve_stream(up[0], down[1]);
}

static void begin(void) {
  close(up[0]);
  close(down[1]);
}

static void call(uint32_t turn) {
  (void)turn;
  call_stream(up[1], down[0]);
}

const struct mechanism mechanism = {.open = open_pair, .serve = serve, .begin = begin, .call = call};
