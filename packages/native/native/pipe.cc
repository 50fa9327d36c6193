// Pipes and fifos, and descriptors that this process was started with.
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "functions.h"

namespace callgate {
namespace {

/** A descriptor that is closed at the end of its scope. */
struct Scoped {
  explicit Scoped(int fd) : number(fd) {}
  ~Scoped() {
    if (number >= 0) close(number);
  }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  int number;
};

std::string ProcPath(int number) { return "/proc/self/fd/" + std::to_string(number); }

int Inherited(napi_env env, napi_value value, const char* name) {
  return static_cast<int>(Integer(env, value, 0, INT32_MAX, name, "the descriptor"));
}

/** O_PATH: nothing is opened yet, so whatever lies there, a device say, takes no notice. Raises EINVAL for no fifo. */
int FindFifo(napi_env env, const std::string& path) {
  const int found = open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (found < 0) FailErrno(env, "open", errno, path);
  struct stat stat {};
  if (fstat(found, &stat) == 0 && S_ISFIFO(stat.st_mode)) return found;
  close(found);
  FailErrno(env, "open", EINVAL, path, "not a fifo");
}

}  // namespace

napi_value CreatePipe(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "pipe2");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) FailErrno(env, call.name, errno);
  Scoped writer(ends[1]);
  napi_value reading = NewFd(env, *call.state, ends[0], FdType::kPipe);
  writer.number = -1;
  napi_value writing = NewFd(env, *call.state, ends[1], FdType::kPipe);
  napi_value both = nullptr;
  Check(env, napi_create_array_with_length(env, 2, &both));
  Check(env, napi_set_element(env, both, 0, reading));
  Check(env, napi_set_element(env, both, 1, writing));
  return both;
}

// mkfifo(3) takes the bits of the umask away, and never adds any: what is missing is added to the fifo itself, by way of
// its inode, so that nothing else at this path can be meant.
napi_value MakeFifo(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "mkfifo");
  const std::string path = String(env, call.args[0], call.name, "the path");
  const auto mode = static_cast<mode_t>(Integer(env, call.args[1], 0, 0777, call.name, "mode"));
  if (mkfifo(path.c_str(), mode) != 0) FailErrno(env, call.name, errno, path);
  const Scoped made(FindFifo(env, path));
  struct stat stat {};
  if (fstat(made.number, &stat) != 0) FailErrno(env, "fstat", errno, path);
  if ((stat.st_mode & 0777) == mode) return Undefined(env);
  if (stat.st_uid != geteuid()) FailErrno(env, "chmod", EPERM, path);
  if (chmod(ProcPath(made.number).c_str(), mode) != 0) {
    const int reason = errno;
    unlink(path.c_str());
    FailErrno(env, "chmod", reason, path);
  }
  return Undefined(env);
}

napi_value OpenFifo(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "open");
  const std::string path = String(env, call.args[0], call.name, "the path");
  constexpr int kAccess[] = {O_RDONLY, O_WRONLY, O_RDWR};
  const int access = kAccess[Integer(env, call.args[1], 0, 2, call.name, "access")];
  const Scoped found(FindFifo(env, path));
  const int fd = open(ProcPath(found.number).c_str(), access | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) FailErrno(env, call.name, errno, path);
  return NewFd(env, *call.state, fd, FdType::kPipe);
}

napi_value AdoptFd(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "fcntl");
  const int fd = fcntl(Inherited(env, call.args[0], call.name), F_DUPFD_CLOEXEC, 3);
  if (fd < 0) FailErrno(env, call.name, errno);
  return NewFd(env, *call.state, fd, FdType::kUnknown);
}

napi_value ReopenFd(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "open");
  const std::string path = ProcPath(Inherited(env, call.args[0], call.name));
  const bool write = Integer(env, call.args[1], 0, 1, call.name, "access") == 1;
  const int fd = open(path.c_str(), (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) FailErrno(env, call.name, errno, path);
  return NewFd(env, *call.state, fd, FdType::kUnknown);
}

napi_value RedirectFd(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "dup2");
  const int from = Inherited(env, call.args[0], call.name);
  const int to = Inherited(env, call.args[1], call.name);
  while (dup2(from, to) < 0) {
    if (errno != EINTR && errno != EBUSY) FailErrno(env, call.name, errno);
  }
  return Undefined(env);
}

napi_value SetNonBlocking(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "fcntl");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  bool on = false;
  if (napi_get_value_bool(env, call.args[1], &on) != napi_ok) FailType(env, "fcntl: on must be true or false");
  const int flags = fcntl(fd.number, F_GETFL);
  if (flags < 0) FailErrno(env, call.name, errno);
  const bool was = (flags & O_NONBLOCK) != 0;
  if (was != on && fcntl(fd.number, F_SETFL, flags ^ O_NONBLOCK) != 0) FailErrno(env, call.name, errno);
  return Bool(env, was);
}

napi_value WaitingBytes(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "ioctl");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  int count = 0;
  if (ioctl(fd.number, FIONREAD, &count) != 0) FailErrno(env, call.name, errno);
  return Int(env, count);
}

}  // namespace callgate
