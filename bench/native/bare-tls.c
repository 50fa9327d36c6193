// Two processes that block in SSL_read(3) and SSL_write(3) on a TLS connection of OpenSSL over the loopback interface.
#include "bare.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int sockets[2];
static SSL *connection;

static _Noreturn void fail_tls(const char *what) {
  ERR_print_errors_fp(stderr);
  fail(what);
}

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

// The certificates lie beside the folder of this file.
static const char *path_of(const char *name) {
  static char path[PATH_MAX];
  const char *slash = strrchr(__FILE__, '/');
  int length = slash ? (int)(slash - __FILE__) : 0;
  snprintf(path, sizeof path, "%.*s%s../certificates/%s", length, __FILE__, slash ? "/" : "", name);
  return path;
}

static void secure(int socket, int serves) {
  SSL_CTX *context = SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
  if (!context) fail_tls("SSL_CTX_new");
  if (serves) {
    if (SSL_CTX_use_certificate_chain_file(context, path_of("localhost.pem")) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, path_of("localhost.key"), SSL_FILETYPE_PEM) != 1)
      fail_tls("certificate");
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, path_of("localhost.pem"), NULL) != 1) fail_tls("authority");
  }
  connection = SSL_new(context);
  if (!connection || SSL_set_fd(connection, socket) != 1) fail_tls("SSL_new");
  if ((serves ? SSL_accept(connection) : SSL_connect(connection)) != 1) fail_tls("handshake");
}

static void read_all(size_t length) {
  for (size_t done = 0; done < length;) {
    int n = SSL_read(connection, mine + done, (int)(length - done));
    if (n <= 0) exit(0);
    done += n;
  }
}

static void write_all(size_t length) {
  if (SSL_write(connection, mine, (int)length) != (int)length) exit(0);
}

static void serve(void) {
  close(sockets[0]);
  secure(sockets[1], 1);
  for (;;) {
    read_all(request_bytes);
    write_all(reply_bytes);
  }
}

static void begin(void) {
  close(sockets[1]);
  secure(sockets[0], 0);
}

static void call(uint32_t turn) {
  (void)turn;
  write_all(request_bytes);
  read_all(reply_bytes);
}

const struct mechanism mechanism = {.open = open_pair, .serve = serve, .begin = begin, .call = call};
