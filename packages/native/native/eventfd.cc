// Doorbells: eventfd(2). On the hot path, so nothing here allocates.
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "functions.h"

namespace callgate {

napi_value CreateEventFd(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "eventfd");
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) FailErrno(env, "eventfd", errno);
  return NewFd(env, *call.state, fd, FdType::kOther);
}

napi_value RingEventFd(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "write");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const uint64_t one = 1;
  while (write(fd.number, &one, sizeof one) < 0) {
    // A full counter (2^64-2) has been rung already.
    if (errno == EAGAIN) break;
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
  return nullptr;
}

napi_value DrainEventFd(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "read");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  uint64_t count = 0;
  while (read(fd.number, &count, sizeof count) < 0) {
    if (errno == EAGAIN) return Bool(env, false);
    if (errno != EINTR) FailErrno(env, call.name, errno);
  }
  return Bool(env, true);
}

}  // namespace callgate
