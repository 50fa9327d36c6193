// Two processes that block in send(2) and recv(2) on connected UDP sockets over the loopback interface.
#include "bare.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int sockets[2];

static void open_pair(void) {
  struct sockaddr_in addresses[2];
  socklen_t length = sizeof addresses[0];
  for (int i = 0; i < 2; i++) {
    addresses[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&addresses[i], length) != 0) fail("bind");
    if (getsockname(sockets[i], (struct sockaddr *)&addresses[i], &length) != 0) fail("getsockname");
  }
  for (int i = 0; i < 2; i++)
    if (connect(sockets[i], (struct sockaddr *)&addresses[1 - i], length) != 0) fail("connect");
}

static void put(int fd, size_t length) {
  if (send(fd, mine, length, 0) != (ssize_t)length) fail("send");
}

static void take(int fd, size_t length) {
  if (recv(fd, mine, MAX_BYTES, 0) != (ssize_t)length) fail("recv");
}

static void serve(void) {
  close(sockets[0]);
  for (;;) {
    take(sockets[1], request_bytes);
    put(sockets[1], reply_bytes);
  }
}

static void begin(void) { close(sockets[1]); }

static void call(uint32_t turn) {
  (void)turn;
  put(sockets[0], request_bytes);
  take(sockets[0], reply_bytes);
}

const struct mechanism mechanism = {.open = open_pair, .serve = serve, .begin = begin, .call = call};
