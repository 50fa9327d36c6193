// Two processes that block in read(2) and write(2) on a TCP connection over the loopback interface.
#include "bare.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int sockets[2];

static void open_pair(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("getsockname");
  sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (sockets[0] < 0 || connect(sockets[0], (struct sockaddr *)&address, length) != 0) fail("connect");
  if ((sockets[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) fail("accept");
  close(listener);
  for (int i = 0; i < 2; i++)
    if (setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("setsockopt");
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
