// Semaphores of POSIX that are found by name: sem_open(3), sem_overview(7). Nobody knows who has taken what.
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>

#include "functions.h"
#include "semaphore-handle.h"

namespace callgate {
namespace {

struct PosixSemaphore final : SemaphoreHandle {
  PosixSemaphore(State& owner, sem_t* opened, bool one) : SemaphoreHandle(owner, one), semaphore(opened) {}

  int TryTake() override { return sem_trywait(semaphore) == 0 ? 0 : errno; }

  int TakeWithin(int64_t ns) override {
    if (ns == kNever) return sem_wait(semaphore) == 0 ? 0 : errno;
    const timespec until = RealTimeIn(ns);
    return sem_timedwait(semaphore, &until) == 0 ? 0 : errno;
  }

  int Raise(bool) override {
    int value = 0;
    if (binary && sem_getvalue(semaphore, &value) == 0 && value > 0) return EOVERFLOW;
    return sem_post(semaphore) == 0 ? 0 : errno;
  }

  int Units() override {
    int value = 0;
    sem_getvalue(semaphore, &value);
    return value;
  }

  void Forget() noexcept override { sem_close(semaphore); }
  const char* Blame(const char* posix) const override { return posix; }

  sem_t* const semaphore;
};

}  // namespace

// openPosixSemaphore(name, flags, mode, initial, binary): flags 1 create, 2 exclusive.
napi_value OpenPosixSemaphore(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "sem_open");
  const std::string name = String(env, call.args[0], call.name, "name");
  const int64_t flags = Integer(env, call.args[1], 0, 3, call.name, "flags");
  const auto mode = static_cast<mode_t>(Integer(env, call.args[2], 0, 0777, call.name, "mode"));
  const auto initial = static_cast<unsigned>(Integer(env, call.args[3], 0, INT32_MAX, call.name, "initial"));
  const int how = ((flags & 1) != 0 ? O_CREAT : 0) | ((flags & 2) != 0 ? O_EXCL : 0);
  const bool binary = Truth(env, call.args[4], call.name, "binary");
  sem_t* semaphore = sem_open(name.c_str(), how, mode, initial);
  if (semaphore == SEM_FAILED) FailErrno(env, call.name, errno, name);
  return call.state->Wrap(env, std::make_unique<PosixSemaphore>(*call.state, semaphore, binary));
}

napi_value UnlinkPosixSemaphore(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "sem_unlink");
  const std::string name = String(env, call.args[0], call.name, "name");
  if (sem_unlink(name.c_str()) == 0) return Bool(env, true);
  if (errno == ENOENT) return Bool(env, false);
  FailErrno(env, call.name, errno, name);
}

}  // namespace callgate
