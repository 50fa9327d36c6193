// Bytes in and out of any descriptor. On the hot path, so nothing here allocates.
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functions.h"
#include "wait_read.h"

namespace callgate {
namespace {

/** A pipe that has been made to block, for reads that wait, must not block others. */
void MustNotBlock(napi_env env, FdHandle& fd, const char* name) {
  if (fd.blocks && !fd.IsSocket() && !fd.LetBlock(false)) FailErrno(env, name, errno);
}

}  // namespace

napi_value Read(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "read");
  FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const Bytes bytes = ByteRange(env, call.args[1], call.args[2], call.args[3], call.name);
  // Otherwise the 0 that it gives would look like the end of the file.
  if (bytes.length == 0) FailRange(env, "read: no room, start equals end");
  const Deadline deadline = call.count < 5 ? Deadline() : Deadline(env, call.args[4], call.name);
  if (!deadline.immediate()) {
    const ssize_t count = WaitRead(env, *call.state, fd, deadline, call.name, [&](int flags) {
      return fd.IsSocket() ? recv(fd.number, bytes.data, bytes.length, flags) : read(fd.number, bytes.data, bytes.length);
    });
    return count == kEnding ? nullptr : Int(env, static_cast<int32_t>(count));
  }
  MustNotBlock(env, fd, call.name);
  for (;;) {
    const ssize_t count = fd.IsSocket() ? recv(fd.number, bytes.data, bytes.length, MSG_DONTWAIT)
                                        : read(fd.number, bytes.data, bytes.length);
    // Linux moves at most 0x7ffff000 bytes at once.
    if (count >= 0) return Int(env, static_cast<int32_t>(count));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Int(env, -1);
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
}

napi_value Write(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info, "write");
  FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const Bytes bytes = ByteRange(env, call.args[1], call.args[2], call.args[3], call.name);
  MustNotBlock(env, fd, call.name);
  for (;;) {
    // On a pipe without readers write(2) raises SIGPIPE, which Node ignores in all its threads.
    const ssize_t count = fd.IsSocket() ? send(fd.number, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL)
                                        : write(fd.number, bytes.data, bytes.length);
    if (count >= 0) return Int(env, static_cast<int32_t>(count));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Int(env, -1);
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
}

}  // namespace callgate
