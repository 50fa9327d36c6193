// Advisory locks on files, which the kernel lets go of with the process that holds them.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "functions.h"

namespace callgate {

napi_value LockFile(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "open");
  const std::string path = String(env, call.args[0], call.name, "the path");
  // Non-blocking: whoever put a fifo there must not be able to hold us up.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) FailErrno(env, call.name, errno, path);
  int result = 0;
  do {
    result = flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return NewFd(env, *call.state, fd, FdType::kOther);
  const int reason = errno;
  close(fd);
  if (reason != EWOULDBLOCK) FailErrno(env, "flock", reason, path);
  napi_value null = nullptr;
  napi_get_null(env, &null);
  return null;
}

}  // namespace callgate
