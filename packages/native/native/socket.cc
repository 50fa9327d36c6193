// Unix stream sockets: listening, connecting, who is there; and what holds for all stream sockets, such as accepting.
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "bind.h"
#include "deadline.h"
#include "functions.h"

namespace callgate {
namespace {

struct UnixAddress {
  std::string path;
  sockaddr_un raw{};
  socklen_t length = 0;

  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&raw); }
};

UnixAddress PathAddress(napi_env env, napi_value value, const char* name) {
  constexpr size_t kLimit = sizeof(sockaddr_un::sun_path) - 1;
  UnixAddress address;
  address.path = String(env, value, name, "the path");
  if (address.path.empty()) FailErrno(env, name, EINVAL, {}, "the path is empty");
  if (address.path.size() > kLimit) {
    FailErrno(env, name, ENAMETOOLONG, address.path,
              "a Unix socket path can have " + std::to_string(kLimit) + " bytes, this one has " +
                  std::to_string(address.path.size()));
  }
  address.raw.sun_family = AF_UNIX;
  std::memcpy(address.raw.sun_path, address.path.c_str(), address.path.size() + 1);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.path.size() + 1);
  return address;
}

/** A descriptor that is closed unless it is handed on. */
struct Socket {
  explicit Socket(int fd) : number(fd) {}
  ~Socket() {
    if (number >= 0) close(number);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int Take() {
    const int taken = number;
    number = -1;
    return taken;
  }
  int number;
};

void SetSendTimeout(int socket, int64_t ns) {
  const int64_t us = (ns + 999) / 1000;
  const timeval timeout = {static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

}  // namespace

napi_value ListenUnix(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info, "bind");
  const UnixAddress address = PathAddress(env, call.args[0], call.name);
  const auto mode = static_cast<mode_t>(Integer(env, call.args[1], 0, 0777, call.name, "mode"));
  const auto backlog = static_cast<int>(Integer(env, call.args[2], 0, INT32_MAX, call.name, "backlog"));
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.number < 0) FailErrno(env, "socket", errno);
  const char* failed = "bind";
  const int error = BindWithMode(socket.number, address.pointer(), address.length, mode, &failed);
  if (error != 0) FailErrno(env, failed, error, address.path);
  if (listen(socket.number, backlog) != 0) {
    const int reason = errno;
    unlink(address.path.c_str());
    FailErrno(env, "listen", reason, address.path);
  }
  return NewFd(env, *call.state, socket.Take(), FdType::kSocket);
}

napi_value Accept(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "accept");
  const FdHandle& listener = OpenFd(env, *call.state, call.args[0], call.name);
  for (;;) {
    const int fd = accept4(listener.number, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) return NewFd(env, *call.state, fd, FdType::kSocket);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      napi_value null = nullptr;
      napi_get_null(env, &null);
      return null;
    }
    // ECONNABORTED: the one who waited has left; the next may be there.
    if (errno != EINTR && errno != ECONNABORTED) FailErrno(env, call.name, errno);
  }
}

// While the listener's backlog is full a non-blocking connect(2) gives EAGAIN and cannot be waited for by poll, but a
// blocking one waits, for at most SO_SNDTIMEO.
napi_value ConnectUnix(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "connect");
  const UnixAddress address = PathAddress(env, call.args[0], call.name);
  const Deadline deadline(env, call.args[1], call.name);
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (deadline.immediate() ? SOCK_NONBLOCK : 0), 0));
  if (socket.number < 0) FailErrno(env, "socket", errno);
  for (;;) {
    // A timeout of 0 would mean none at all, and there is always one attempt.
    int64_t left = std::max<int64_t>(1, deadline.LeftNs());
    if (call.state->is_worker) left = std::min(left, kWorkerSliceNs);
    if (!deadline.immediate()) SetSendTimeout(socket.number, left == kNever ? 0 : left);
    if (connect(socket.number, address.pointer(), address.length) == 0) break;
    if (errno != EINTR && errno != EAGAIN) FailErrno(env, call.name, errno, address.path);
    if (errno == EAGAIN && deadline.LeftNs() == 0) {
      FailErrno(env, call.name, ETIMEDOUT, address.path, "the listener's backlog is full and did not drain in time");
    }
    if (State::Ending(env)) throw Raised{};
  }
  const int flags = fcntl(socket.number, F_GETFL);
  if (flags < 0 || fcntl(socket.number, F_SETFL, flags | O_NONBLOCK) != 0) FailErrno(env, "fcntl", errno);
  return NewFd(env, *call.state, socket.Take(), FdType::kSocket);
}

napi_value PeerCredentials(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "getsockopt");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  ucred found{};
  socklen_t length = sizeof found;
  if (getsockopt(fd.number, SOL_SOCKET, SO_PEERCRED, &found, &length) != 0) FailErrno(env, call.name, errno);
  if (found.pid == 0 && found.uid == static_cast<uid_t>(-1)) FailErrno(env, call.name, ENOTCONN);
  napi_value object = nullptr;
  Check(env, napi_create_object(env, &object));
  const std::pair<const char*, int64_t> fields[] = {{"pid", found.pid}, {"uid", found.uid}, {"gid", found.gid}};
  for (const auto& [name, number] : fields) {
    napi_value value = nullptr;
    napi_create_int64(env, number, &value);
    Check(env, napi_set_named_property(env, object, name, value));
  }
  return object;
}

napi_value ShutdownSocket(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shutdown");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  if (shutdown(fd.number, SHUT_RDWR) != 0 && errno != ENOTCONN) FailErrno(env, call.name, errno);
  return Undefined(env);
}

napi_value UnreadBytes(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "ioctl");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  int count = 0;
  if (ioctl(fd.number, SIOCOUTQ, &count) != 0) FailErrno(env, call.name, errno);
  return Int(env, count);
}

}  // namespace callgate
