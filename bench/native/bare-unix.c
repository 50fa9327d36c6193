// Two processes that block in read(2) and write(2) on a Unix stream socket.
#include "bare.h"

#include <sys/socket.h>
#include <unistd.h>

static int sockets[2];

static void open_pair(void) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) fail("socketpair");
}

static void serve(void) {
  close(sockets[0]);
  serve_stream(sockets[1], sockets[1]);
}

static void begin(void) { close(sockets[1]); }

static void call(uint32_t turn) {
  (void)turn;
  call_stream(sockets[0], sockets[0]);
}

const struct mechanism mechanism = {.open = open_pair, .serve = serve, .begin = begin, .call = call};
