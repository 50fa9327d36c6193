// Signals as messages: received from a signalfd(2), sent to the very process that a pidfd names.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "functions.h"
#include "signal-masks.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace callgate {
namespace {

/** How long senders that are in the middle of sending may take; one that is stopped there does not count. */
constexpr int kGateTries = 200;
constexpr long kGatePauseNs = 1'000'000;

/**
 * The gate of a guard file: an OFD lock (fcntl(2)) on its first byte. Senders share it while they look and send; who
 * gives signals back takes it alone, so that nobody has looked before and sends after.
 */
bool LockGate(int fd, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  int result = 0;
  do {
    result = fcntl(fd, F_OFD_SETLK, &lock);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

bool CloseGate(int guard) {
  for (int i = 0; i < kGateTries; i += 1) {
    if (LockGate(guard, F_WRLCK)) return true;
    const timespec pause = {0, kGatePauseNs};
    nanosleep(&pause, nullptr);
  }
  return false;
}

/** Whether somebody else holds the flock(2) of a file. */
bool IsHeld(int fd) {
  if (flock(fd, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  flock(fd, LOCK_UN);
  return false;
}

struct SignalFdHandle final : FdHandle {
  SignalFdHandle(State& owner, int fd, std::vector<int> n, int g)
      : FdHandle(owner, fd, FdType::kOther), numbers(std::move(n)), guard(g) {}

  void Close(napi_env env) noexcept override {
    if (number < 0) return;
    bool quiet = guard < 0 || CloseGate(guard);
    if (guard >= 0) flock(guard, LOCK_UN);
    FdHandle::Close(env);
    GiveSignalsBack(numbers, quiet);
    if (guard >= 0) close(guard);
    guard = -1;
  }

  const std::vector<int> numbers;
  /** A descriptor of its own for the guard's file, or -1. */
  int guard;
};

bool IsNullish(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

std::vector<int> Numbers(napi_env env, napi_value array, const char* name) {
  uint32_t count = 0;
  bool is_array = false;
  napi_is_array(env, array, &is_array);
  if (!is_array) FailType(env, std::string(name) + ": expected an array of signal numbers");
  Check(env, napi_get_array_length(env, array, &count));
  if (count == 0 || count > 64) FailRange(env, std::string(name) + ": expected 1 to 64 signal numbers");
  std::vector<int> numbers;
  for (uint32_t i = 0; i < count; i += 1) {
    napi_value element = nullptr;
    Check(env, napi_get_element(env, array, i, &element));
    const auto number = static_cast<int>(Integer(env, element, 1, 64, name, "the signal"));
    if (!MayBeTaken(number)) {
      FailRange(env, std::string(name) + ": signal " + std::to_string(number) +
                         " can't be taken: real-time signals, SIGHUP, SIGUSR2, SIGURG and SIGWINCH can");
    }
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

napi_value TakeSignalsFd(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "signalfd");
  std::vector<int> numbers = Numbers(env, call.args[0], call.name);
  const int watched = IsNullish(env, call.args[1]) ? -1 : OpenFd(env, *call.state, call.args[1], call.name).number;
  const int guard = watched < 0 ? -1 : fcntl(watched, F_DUPFD_CLOEXEC, 0);
  if (watched >= 0 && guard < 0) FailErrno(env, "fcntl", errno);

  int which = 0;
  std::string why;
  const int error = TakeSignals(numbers, &which, &why);
  if (error != 0) {
    if (guard >= 0) close(guard);
    FailErrno(env, "sigaction", error, "signal " + std::to_string(which), why);
  }
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) {
    const int reason = errno;
    GiveSignalsBack(numbers, true);
    if (guard >= 0) close(guard);
    FailErrno(env, call.name, reason);
  }
  return call.state->Wrap(env, std::make_unique<SignalFdHandle>(*call.state, fd, std::move(numbers), guard));
}

napi_value RealTimeSignals(napi_env env, napi_callback_info) {
  napi_value object = nullptr;
  Check(env, napi_create_object(env, &object));
  Check(env, napi_set_named_property(env, object, "first", Int(env, SIGRTMIN)));
  Check(env, napi_set_named_property(env, object, "last", Int(env, SIGRTMAX)));
  return object;
}

napi_value OpenProcess(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "pidfd_open");
  const int64_t pid = Integer(env, call.args[0], 1, INT32_MAX, call.name, "the pid");
  // The kernel sets CLOEXEC.
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
  if (fd < 0) FailErrno(env, call.name, errno, "process " + std::to_string(pid));
  return NewFd(env, *call.state, fd, FdType::kOther);
}

napi_value OpenGuard(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "open");
  const std::string path = String(env, call.args[0], call.name, "the path");
  // Non-blocking: whoever put a fifo there must not be able to hold us up.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) FailErrno(env, call.name, errno, path);
  return NewFd(env, *call.state, fd, FdType::kOther);
}

napi_value IsGuardHeld(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "flock");
  return Bool(env, IsHeld(OpenFd(env, *call.state, call.args[0], call.name).number));
}

// sendSignal(process, guard, number, value): on the hot path, so nothing here allocates unless it fails.
napi_value SendSignal(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info, "pidfd_send_signal");
  const int process = OpenFd(env, *call.state, call.args[0], call.name).number;
  const int guard = IsNullish(env, call.args[1]) ? -1 : OpenFd(env, *call.state, call.args[1], call.name).number;
  const auto number = static_cast<int>(Integer(env, call.args[2], 0, 64, call.name, "the signal"));
  const bool valued = !IsNullish(env, call.args[3]);
  siginfo_t details = {};
  if (valued) {
    const int64_t value = Integer(env, call.args[3], INT32_MIN, UINT32_MAX, call.name, "the value");
    details.si_signo = number;
    details.si_code = SI_QUEUE;
    details.si_pid = getpid();
    details.si_uid = getuid();
    // The whole pointer, so that none of its bits is left to chance.
    details.si_value.sival_ptr = reinterpret_cast<void*>(static_cast<uintptr_t>(static_cast<uint32_t>(value)));
  }
  // One that has ended and that its parent has not noticed takes signals without a word.
  pollfd ended = {process, POLLIN, 0};
  if (poll(&ended, 1, 0) > 0) FailErrno(env, call.name, ESRCH);
  if (guard >= 0) {
    const bool open = LockGate(guard, F_RDLCK);
    if (!open || !IsHeld(guard)) {
      if (open) LockGate(guard, F_UNLCK);
      FailErrno(env, call.name, EOWNERDEAD, {}, "nobody holds the lock of the guard");
    }
  }
  const long result = syscall(SYS_pidfd_send_signal, process, number, valued ? &details : nullptr, 0);
  const int error = errno;
  if (guard >= 0) LockGate(guard, F_UNLCK);
  if (result == 0) return Bool(env, true);
  if (error == EAGAIN) return Bool(env, false);
  FailErrno(env, call.name, error);
}

}  // namespace callgate
