// TCP sockets: listening, connecting, how they are tuned, where they are.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "functions.h"

namespace callgate {
namespace {

struct InetAddress {
  std::string text;
  sockaddr_storage raw{};
  socklen_t length = sizeof(sockaddr_storage);

  sockaddr* pointer() { return reinterpret_cast<sockaddr*>(&raw); }
};

/** `host` is numeric: names are looked up before. */
InetAddress NumericAddress(napi_env env, napi_value host, napi_value port, const char* name) {
  InetAddress address;
  const std::string text = String(env, host, name, "the host");
  const auto number = Integer(env, port, 0, 65535, name, "port");
  address.text = (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" + std::to_string(number);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (text.empty() || text.find('\0') != std::string::npos ||
      getaddrinfo(text.c_str(), std::to_string(number).c_str(), &hints, &found) != 0) {
    FailErrno(env, name, EINVAL, address.text, "the host is not a numeric address");
  }
  std::memcpy(&address.raw, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

/** Closes `fd` and raises. */
[[noreturn]] void GiveUp(napi_env env, int fd, const char* syscall, int error, const std::string& subject) {
  close(fd);
  FailErrno(env, syscall, error, subject);
}

int OpenSocket(napi_env env, int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) FailErrno(env, "socket", errno);
  return fd;
}

void SetOption(napi_env env, const FdHandle& fd, int level, int option, int value) {
  if (setsockopt(fd.number, level, option, &value, sizeof value) != 0) FailErrno(env, "setsockopt", errno);
}

bool SameEnds(int fd) {
  InetAddress here;
  InetAddress there;
  if (getsockname(fd, here.pointer(), &here.length) != 0 || getpeername(fd, there.pointer(), &there.length) != 0) {
    return false;
  }
  return here.length == there.length && std::memcmp(&here.raw, &there.raw, here.length) == 0;
}

}  // namespace

napi_value ListenTcp(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info, "bind");
  InetAddress address = NumericAddress(env, call.args[0], call.args[1], call.name);
  const auto backlog = static_cast<int>(Integer(env, call.args[2], 0, INT32_MAX, call.name, "backlog"));
  const int fd = OpenSocket(env, address.raw.ss_family);
  const int on = 1;
  // Connections that linger in TIME_WAIT keep the address from nobody; a server that listens still does.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.raw.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, address.pointer(), address.length) != 0) GiveUp(env, fd, "bind", errno, address.text);
  if (listen(fd, backlog) != 0) GiveUp(env, fd, "listen", errno, address.text);
  return NewFd(env, *call.state, fd, FdType::kSocket);
}

napi_value ConnectTcp(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "connect");
  InetAddress address = NumericAddress(env, call.args[0], call.args[1], call.name);
  const int fd = OpenSocket(env, address.raw.ss_family);
  // EINTR: the attempt goes on, as after EINPROGRESS.
  if (connect(fd, address.pointer(), address.length) != 0 && errno != EINPROGRESS && errno != EINTR) {
    GiveUp(env, fd, call.name, errno, address.text);
  }
  return NewFd(env, *call.state, fd, FdType::kSocket);
}

napi_value FinishConnect(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "connect");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd.number, SOL_SOCKET, SO_ERROR, &error, &length) != 0) FailErrno(env, "getsockopt", errno);
  if (error != 0) FailErrno(env, call.name, error);
  // The system may choose the very port that is called as the caller's own; then TCP connects the socket to itself.
  if (SameEnds(fd.number)) FailErrno(env, call.name, ECONNREFUSED, {}, "nobody listens: the socket met itself");
  return Undefined(env);
}

napi_value TuneTcp(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "setsockopt");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const auto idle = static_cast<int>(Integer(env, call.args[1], 0, 32767, call.name, "keepAliveIdleS"));
  const auto interval = static_cast<int>(Integer(env, call.args[2], 1, 32767, call.name, "keepAliveIntervalS"));
  const auto count = static_cast<int>(Integer(env, call.args[3], 1, 127, call.name, "keepAliveCount"));
  const auto buffer = call.count < 5 ? 0 : static_cast<int>(Integer(env, call.args[4], 0, 1 << 30, call.name, "bufferBytes"));
  SetOption(env, fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (buffer > 0) {
    SetOption(env, fd, SOL_SOCKET, SO_SNDBUF, buffer);
    SetOption(env, fd, SOL_SOCKET, SO_RCVBUF, buffer);
  }
  SetOption(env, fd, SOL_SOCKET, SO_KEEPALIVE, idle > 0 ? 1 : 0);
  if (idle > 0) {
    SetOption(env, fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    SetOption(env, fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    SetOption(env, fd, IPPROTO_TCP, TCP_KEEPCNT, count);
  }
  return Undefined(env);
}

napi_value EndSocket(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shutdown");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  if (shutdown(fd.number, SHUT_WR) != 0 && errno != ENOTCONN) FailErrno(env, call.name, errno);
  return Undefined(env);
}

napi_value SilentMs(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "getsockopt");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  tcp_info found{};
  socklen_t length = sizeof found;
  if (getsockopt(fd.number, IPPROTO_TCP, TCP_INFO, &found, &length) != 0) FailErrno(env, call.name, errno);
  // An answer sets both to 0, that of a system whose process does not read, too: it says that its window is closed.
  const bool unanswered = found.tcpi_retransmits > 0 || found.tcpi_probes > 1;
  return Int(env, unanswered ? static_cast<int32_t>(std::min<uint32_t>(found.tcpi_last_ack_recv, INT32_MAX)) : 0);
}

napi_value InetAddressOf(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "getsockname");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  bool peer = false;
  if (napi_get_value_bool(env, call.args[1], &peer) != napi_ok) FailType(env, "getsockname: peer must be a boolean");
  InetAddress address;
  const int failed = peer ? getpeername(fd.number, address.pointer(), &address.length)
                          : getsockname(fd.number, address.pointer(), &address.length);
  if (failed != 0) FailErrno(env, peer ? "getpeername" : call.name, errno);
  char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1] = "";
  char port[8] = "";
  const int flags = NI_NUMERICHOST | NI_NUMERICSERV;
  if (getnameinfo(address.pointer(), address.length, host, sizeof host, port, sizeof port, flags) != 0) {
    FailErrno(env, call.name, EAFNOSUPPORT);
  }
  napi_value object = nullptr;
  napi_value text = nullptr;
  Check(env, napi_create_object(env, &object));
  Check(env, napi_create_string_utf8(env, host, NAPI_AUTO_LENGTH, &text));
  Check(env, napi_set_named_property(env, object, "host", text));
  Check(env, napi_set_named_property(env, object, "port", Int(env, std::stoi(port))));
  return object;
}

}  // namespace callgate
