// Threads of any process, as descriptors that become readable when they have ended.
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "functions.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

namespace callgate {

napi_value OpenThread(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "pidfd_open");
  const auto pid = static_cast<pid_t>(Integer(env, call.args[0], 1, INT32_MAX, call.name, "pid"));
  const auto tid = static_cast<pid_t>(Integer(env, call.args[1], 1, INT32_MAX, call.name, "tid"));
  // The first thread stands for its process, which every kernel from 5.3 on can open.
  const long fd = syscall(SYS_pidfd_open, tid, tid == pid ? 0 : PIDFD_THREAD);
  if (fd < 0) FailErrno(env, call.name, errno, "thread " + std::to_string(tid));
  return NewFd(env, *call.state, static_cast<int>(fd), FdType::kOther);
}

}  // namespace callgate
