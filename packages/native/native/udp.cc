// UDP sockets. A listener hears everybody; for each peer that it takes it forks a socket at the same address, connected to
// that peer: the kernel then brings that peer's datagrams there, and nobody else's. Source: udp(7), ip(7), ipv6(7).
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "functions.h"

namespace callgate {
namespace {

/** Room for either family's address. */
constexpr size_t kAddressBytes = sizeof(sockaddr_in6);
/** An origin: the sender's address, and behind it the one at which the datagram arrived. */
constexpr size_t kOriginBytes = 2 * kAddressBytes;

struct UdpAddress {
  std::string text;
  sockaddr_in6 raw{};
  socklen_t length = 0;

  sockaddr* pointer() { return reinterpret_cast<sockaddr*>(&raw); }
  sa_family_t family() const { return raw.sin6_family; }
};

UdpAddress NumericAddress(napi_env env, napi_value host, napi_value port, const char* name) {
  UdpAddress address;
  const std::string text = String(env, host, name, "the host");
  const auto number = Integer(env, port, 0, 65535, name, "port");
  address.text = (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" + std::to_string(number);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
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

/** The address in `bytes`, which JavaScript could have changed: only the two families are let through. */
UdpAddress StoredAddress(napi_env env, const uint8_t* bytes, const char* name) {
  UdpAddress address;
  std::memcpy(&address.raw, bytes, kAddressBytes);
  if (address.family() == AF_INET) address.length = sizeof(sockaddr_in);
  else if (address.family() == AF_INET6) address.length = sizeof(sockaddr_in6);
  else FailRange(env, std::string(name) + ": the origin is not one that receiveFrom has filled");
  return address;
}

uint8_t* OriginBytes(napi_env env, napi_value array, const char* name) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  bool is_array = false;
  napi_is_typedarray(env, array, &is_array);
  if (!is_array || napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    FailType(env, std::string(name) + ": the origin must be a Uint8Array");
  }
  if (length != kOriginBytes) {
    FailRange(env, std::string(name) + ": the origin must have " + std::to_string(kOriginBytes) + " bytes");
  }
  return static_cast<uint8_t*>(data);
}

/** Closes `fd` and raises. */
[[noreturn]] void GiveUp(napi_env env, int fd, const char* syscall, int error, const std::string& subject) {
  close(fd);
  FailErrno(env, syscall, error, subject);
}

void SetReuse(int fd, int on) { setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); }

int OpenSocket(napi_env env, int family) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) FailErrno(env, "socket", errno);
  const int on = 1;
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // What comes while a process is busy waits here; the system takes less if its own limit (net.core.rmem_max) is less.
  const int bytes = 1 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

/** Writes the address at which a datagram arrived, from its control message, over the socket's own. */
void TakeDestination(msghdr& message, UdpAddress& local) {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      reinterpret_cast<sockaddr_in*>(&local.raw)->sin_addr = info.ipi_spec_dst;
    } else if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      local.raw.sin6_addr = info.ipi6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) local.raw.sin6_scope_id = info.ipi6_ifindex;
    }
  }
}

/** The control message by which a datagram leaves from `local`. */
void PutSource(msghdr& message, const UdpAddress& local) {
  cmsghdr* one = CMSG_FIRSTHDR(&message);
  if (local.family() == AF_INET) {
    in_pktinfo info{};
    info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(&local.raw)->sin_addr;
    one->cmsg_level = IPPROTO_IP;
    one->cmsg_type = IP_PKTINFO;
    one->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(one), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = local.raw.sin6_addr;
    info.ipi6_ifindex = local.raw.sin6_scope_id;
    one->cmsg_level = IPPROTO_IPV6;
    one->cmsg_type = IPV6_PKTINFO;
    one->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(one), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  }
}

}  // namespace

napi_value BindUdp(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info, "bind");
  UdpAddress address = NumericAddress(env, call.args[0], call.args[1], call.name);
  bool beside = false;
  if (napi_get_value_bool(env, call.args[2], &beside) != napi_ok) FailType(env, "bind: beside must be a boolean");
  const int fd = OpenSocket(env, address.family());
  const int on = 1;
  if (address.family() == AF_INET) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  else setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  if (beside) SetReuse(fd, 1);
  if (bind(fd, address.pointer(), address.length) != 0) GiveUp(env, fd, "bind", errno, address.text);
  // From here on the address is this socket's alone: whoever binds it, reusing or not, is refused.
  if (beside) SetReuse(fd, 0);
  return NewFd(env, *call.state, fd, FdType::kSocket);
}

napi_value ConnectUdp(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "connect");
  UdpAddress address = NumericAddress(env, call.args[0], call.args[1], call.name);
  const int fd = OpenSocket(env, address.family());
  if (connect(fd, address.pointer(), address.length) != 0) GiveUp(env, fd, call.name, errno, address.text);
  return NewFd(env, *call.state, fd, FdType::kSocket);
}

napi_value ForkUdp(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "connect");
  const FdHandle& listener = OpenFd(env, *call.state, call.args[0], call.name);
  const uint8_t* origin = OriginBytes(env, call.args[1], call.name);
  UdpAddress peer = StoredAddress(env, origin, call.name);
  UdpAddress local = StoredAddress(env, origin + kAddressBytes, call.name);
  const int fd = OpenSocket(env, local.family());
  // Two sockets share an address if both of them permit it at the moment of bind(2). The listener does so for that moment.
  SetReuse(fd, 1);
  SetReuse(listener.number, 1);
  const int failed = bind(fd, local.pointer(), local.length) == 0 ? 0 : errno;
  SetReuse(listener.number, 0);
  if (failed != 0) GiveUp(env, fd, "bind", failed, {});
  if (connect(fd, peer.pointer(), peer.length) != 0) GiveUp(env, fd, call.name, errno, {});
  return NewFd(env, *call.state, fd, FdType::kSocket);
}

napi_value ReceiveFrom(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "recvmsg");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const Bytes bytes = ByteRange(env, call.args[1], call.args[2], call.args[3], call.name);
  uint8_t* origin = OriginBytes(env, call.args[4], call.name);
  UdpAddress from;
  UdpAddress local;
  local.length = sizeof local.raw;
  if (getsockname(fd.number, local.pointer(), &local.length) != 0) FailErrno(env, "getsockname", errno);
  alignas(cmsghdr) char control[256];
  iovec room = {bytes.data, bytes.length};
  for (;;) {
    msghdr message{};
    message.msg_name = &from.raw;
    message.msg_namelen = sizeof from.raw;
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count = recvmsg(fd.number, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (count >= 0) {
      TakeDestination(message, local);
      // Not part of an address, though it travels with it.
      if (from.family() == AF_INET6) from.raw.sin6_flowinfo = 0;
      std::memcpy(origin, &from.raw, kAddressBytes);
      std::memcpy(origin + kAddressBytes, &local.raw, kAddressBytes);
      return Int(env, static_cast<int32_t>(count));
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Int(env, -1);
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
}

napi_value SendTo(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "sendmsg");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const Bytes bytes = ByteRange(env, call.args[1], call.args[2], call.args[3], call.name);
  const uint8_t* origin = OriginBytes(env, call.args[4], call.name);
  UdpAddress to = StoredAddress(env, origin, call.name);
  const UdpAddress local = StoredAddress(env, origin + kAddressBytes, call.name);
  alignas(cmsghdr) char control[256] = {};
  iovec data = {bytes.data, bytes.length};
  msghdr message{};
  message.msg_name = &to.raw;
  message.msg_namelen = to.length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  PutSource(message, local);
  for (;;) {
    const ssize_t count = sendmsg(fd.number, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) return Int(env, static_cast<int32_t>(count));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Int(env, -1);
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
}

}  // namespace callgate
