// Descriptors that travel with bytes over a Unix socket: SCM_RIGHTS (unix(7), cmsg(3)).
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "functions.h"
#include "wait_read.h"

namespace callgate {
namespace {

/** SCM_MAX_FD of the kernel. */
constexpr uint32_t kMaxFds = 253;

union ControlBuffer {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(kMaxFds * sizeof(int))];
};

/** Received descriptors that nobody has taken yet; closed when something goes wrong, and when they are too many. */
struct Received {
  int numbers[kMaxFds];
  size_t count = 0;
  size_t taken = 0;
  Received() = default;
  Received(const Received&) = delete;
  Received& operator=(const Received&) = delete;
  ~Received() {
    while (taken < count) close(numbers[taken++]);
  }
};

void Collect(msghdr& message, Received& received) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i += 1) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
      if (received.count < kMaxFds) {
        received.numbers[received.count++] = number;
      } else {
        close(number);
      }
    }
  }
}

/** Of an Fd, or of a descriptor that somebody else owns: whether that one is open the kernel will say. */
int NumberOf(napi_env env, State& state, napi_value value, const char* name) {
  napi_valuetype type = napi_undefined;
  Check(env, napi_typeof(env, value, &type));
  if (type != napi_number) return OpenFd(env, state, value, name).number;
  return static_cast<int>(Integer(env, value, 0, INT32_MAX, name, "a descriptor's number"));
}

}  // namespace

napi_value SendWithFds(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "sendmsg");
  uint32_t count = 0;
  if (napi_get_array_length(env, call.args[4], &count) != napi_ok) FailType(env, "sendmsg: fds must be an array");
  if (count > kMaxFds) FailRange(env, "sendmsg: at most 253 descriptors can travel at once");
  napi_value elements[kMaxFds];
  for (uint32_t i = 0; i < count; i += 1) Check(env, napi_get_element(env, call.args[4], i, &elements[i]));
  // From here on no JavaScript runs (an element could be a getter), so nothing is closed or detached under us.
  const FdHandle& socket = OpenFd(env, *call.state, call.args[0], call.name);
  const Bytes bytes = ByteRange(env, call.args[1], call.args[2], call.args[3], call.name);
  if (count > 0 && bytes.length == 0) FailRange(env, "sendmsg: descriptors need at least one byte to travel with");

  iovec part = {bytes.data, bytes.length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control{};
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (uint32_t i = 0; i < count; i += 1) {
      const int number = NumberOf(env, *call.state, elements[i], call.name);
      std::memcpy(CMSG_DATA(header) + i * sizeof(int), &number, sizeof number);
    }
  }
  for (;;) {
    const ssize_t sent = sendmsg(socket.number, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return Int(env, static_cast<int32_t>(sent));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Int(env, -1);
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
}

napi_value ReceiveWithFds(napi_env env, napi_callback_info info) {
  const Call<7> call(env, info, "recvmsg");
  FdHandle& socket = OpenFd(env, *call.state, call.args[0], call.name);
  const Bytes bytes = ByteRange(env, call.args[1], call.args[2], call.args[3], call.name);
  if (bytes.length == 0) FailRange(env, "recvmsg: no room, start equals end");
  if (!socket.IsSocket()) FailErrno(env, call.name, ENOTSOCK);
  bool is_array = false;
  Check(env, napi_is_array(env, call.args[4], &is_array));
  if (!is_array) FailType(env, "recvmsg: into must be an array");
  const auto most = static_cast<size_t>(Integer(env, call.args[5], 0, kMaxFds, call.name, "maxFds"));

  iovec part = {bytes.data, bytes.length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control;
  const Deadline deadline = call.count < 7 ? Deadline() : Deadline(env, call.args[6], call.name);
  const ssize_t count = WaitRead(env, *call.state, socket, deadline, call.name, [&](int flags) {
    // Without padding, so that the kernel drops what is beyond `most` by itself instead of opening it here.
    message.msg_control = most > 0 ? control.bytes : nullptr;
    message.msg_controllen = most > 0 ? CMSG_LEN(most * sizeof(int)) : 0;
    return recvmsg(socket.number, &message, MSG_CMSG_CLOEXEC | flags);
  });
  if (count == kEnding) return nullptr;
  // Most messages bring nothing.
  if (count == kNothing || (message.msg_controllen == 0 && (message.msg_flags & MSG_CTRUNC) == 0)) {
    return Int(env, static_cast<int32_t>(count));
  }
  Received received;
  Collect(message, received);
  // Cut off although there was room for more: the limit of open files was reached. The sender's message is spoilt.
  if ((message.msg_flags & MSG_CTRUNC) != 0 && received.count < most) {
    FailErrno(env, call.name, EMFILE, {}, "more descriptors arrived than this process may open");
  }
  uint32_t position = 0;
  Check(env, napi_get_array_length(env, call.args[4], &position));
  while (received.taken < received.count && received.taken < most) {
    // NewFd owns the number from the moment it is called.
    napi_value fd = NewFd(env, *call.state, received.numbers[received.taken++], FdType::kUnknown);
    Check(env, napi_set_element(env, call.args[4], position++, fd));
  }
  return Int(env, static_cast<int32_t>(count));
}

}  // namespace callgate
