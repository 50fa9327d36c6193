// Counting semaphores that unrelated processes share: of System V (semget(2), one semaphore of a set), and of POSIX by
// name (sem_open(3)). A thread of its own waits on behalf of an event loop.
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "blocker.h"
#include "callback.h"
#include "deadline.h"
#include "functions.h"

namespace callgate {
namespace {

/** semctl(2) wants its callers to define it. */
union semun {
  int val;
  semid_ds* buf;
  unsigned short* array;
};

struct SemaphoreHandle final : Handle, Blocker::Client {
  SemaphoreHandle(State& owner, sem_t* s, bool b) : Handle(owner, Kind::kSemaphore), posix(s), binary(b) {}
  SemaphoreHandle(State& owner, int i, unsigned short n, bool u, bool b)
      : Handle(owner, Kind::kSemaphore), id(i), number(n), undo(u), binary(b) {}

  void Close(napi_env) noexcept override {
    if (closed) return;
    closed = true;
    if (blocker != nullptr) blocker->Close();
    blocker = nullptr;
    callback.Drop();
    // A unit that came when nobody wanted it any more is given back, as are those that the kernel would give back.
    if (taken.exchange(false)) {
      held += 1;
      Put();
    }
    if (undo) {
      while (held > 0) Put();
    }
    if (posix != nullptr) sem_close(posix);
  }

  /** Takes a unit of System V. Zero, or an errno. `timeout` null for ever. */
  int Take(short flags, const timespec* timeout) {
    sembuf operation = {number, -1, static_cast<short>(flags | (undo ? SEM_UNDO : 0))};
    const int result =
        timeout == nullptr ? semop(id, &operation, 1) : semtimedop(id, &operation, 1, timeout);
    return result == 0 ? 0 : errno;
  }

  int TryTake() {
    if (posix != nullptr) return sem_trywait(posix) == 0 ? 0 : errno;
    return Take(IPC_NOWAIT, nullptr);
  }

  int TakeWithin(int64_t ns) {
    if (ns == kNever) return posix != nullptr ? (sem_wait(posix) == 0 ? 0 : errno) : Take(0, nullptr);
    if (posix == nullptr) {
      const timespec timeout = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
      return Take(0, &timeout);
    }
    timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    const int64_t nanoseconds = until.tv_nsec + ns % 1'000'000'000;
    until.tv_sec += static_cast<time_t>(ns / 1'000'000'000 + nanoseconds / 1'000'000'000);
    until.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
    return sem_timedwait(posix, &until) == 0 ? 0 : errno;
  }

  int Put() {
    // Only a unit that was taken is a debt. What a producer puts in without having taken it must survive the producer.
    const bool owed = held > 0;
    if (owed) held -= 1;
    if (posix != nullptr) {
      int value = 0;
      if (binary && sem_getvalue(posix, &value) == 0 && value > 0) return EOVERFLOW;
      return sem_post(posix) == 0 ? 0 : errno;
    }
    const sembuf zero = {number, 0, IPC_NOWAIT};
    const sembuf put = {number, 1, static_cast<short>(IPC_NOWAIT | (undo && owed ? SEM_UNDO : 0))};
    // In one step: nobody comes between the look and the change.
    sembuf operations[] = {binary ? zero : put, put};
    if (semop(id, operations, binary ? 2 : 1) == 0) return 0;
    return binary && errno == EAGAIN ? EOVERFLOW : errno;
  }

  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override {
    int error = 0;
    do {
      error = posix != nullptr ? (sem_wait(posix) == 0 ? 0 : errno) : Take(0, nullptr);
    } while (error == EINTR && !cancelled);
    if (error == 0) {
      taken = true;
    } else if (error != EINTR) {
      failure = error;
    }
    return Blocker::Next::kPause;
  }

  void Returned() noexcept override {
    const int error = failure.exchange(0);
    if (error == 0 && !taken) return;
    napi_env env = state->env;
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    napi_value argument = Int(env, error);
    callback.Hold(false);
    callback.Call(1, &argument);
    napi_close_handle_scope(env, scope);
  }

  sem_t* const posix = nullptr;
  const int id = -1;
  const unsigned short number = 0;
  /** Of System V: the kernel gives back what a dead process held. */
  const bool undo = false;
  /** The value never passes 1. */
  const bool binary = false;
  bool closed = false;
  /** Units taken through this handle and not given back. */
  int64_t held = 0;
  Blocker* blocker = nullptr;
  Callback callback;
  /** The blocker's thread has taken a unit that nobody has got yet. */
  std::atomic<bool> taken{false};
  std::atomic<int> failure{0};
};

bool Truth(napi_env env, napi_value value, const char* name, const char* what) {
  bool truth = false;
  if (napi_get_value_bool(env, value, &truth) != napi_ok) FailType(env, std::string(name) + ": " + what + " must be a boolean");
  return truth;
}

const char* NameOf(const SemaphoreHandle& semaphore, const char* posix, const char* sysv) {
  return semaphore.posix != nullptr ? posix : sysv;
}

SemaphoreHandle& Self(napi_env env, State& state, napi_value value) {
  Handle* handle = state.Find(env, value, Kind::kSemaphore);
  if (handle == nullptr) FailType(env, "not a Semaphore");
  auto& semaphore = *static_cast<SemaphoreHandle*>(handle);
  if (semaphore.closed) FailErrno(env, NameOf(semaphore, "sem_wait", "semop"), EBADF, {}, "the semaphore is closed");
  return semaphore;
}

[[noreturn]] void FailOperation(napi_env env, const SemaphoreHandle& semaphore, const char* posix, int error) {
  const bool gone = error == EIDRM || error == EINVAL;
  FailErrno(env, NameOf(semaphore, posix, "semop"), error, {}, gone ? "the semaphore set was removed" : "");
}

napi_value Acquire(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "sem_timedwait");
  SemaphoreHandle& semaphore = Self(env, *call.state, call.self);
  const Deadline deadline(env, call.args[0], call.name);
  for (;;) {
    int64_t left = deadline.LeftNs();
    const bool sliced = call.state->is_worker && left > kWorkerSliceNs;
    if (sliced) left = kWorkerSliceNs;
    const int error = left == 0 ? semaphore.TryTake() : semaphore.TakeWithin(left);
    if (error == 0) break;
    const bool late = error == EAGAIN || error == ETIMEDOUT;
    if (!late && error != EINTR) FailOperation(env, semaphore, "sem_timedwait", error);
    if (late && !sliced) return Bool(env, false);
    if (State::Ending(env)) return nullptr;
  }
  semaphore.held += 1;
  return Bool(env, true);
}

napi_value Release(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sem_post");
  SemaphoreHandle& semaphore = Self(env, *call.state, call.self);
  const int error = semaphore.Put();
  if (error == EOVERFLOW || error == ERANGE) {
    FailErrno(env, NameOf(semaphore, "sem_post", "semop"), error, {},
              semaphore.binary ? "nothing is taken from this binary semaphore: its value is 1 already"
                               : "the value would pass the most that a semaphore can have");
  }
  if (error != 0) FailOperation(env, semaphore, "sem_post", error);
  return Undefined(env);
}

napi_value Value(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sem_getvalue");
  SemaphoreHandle& semaphore = Self(env, *call.state, call.self);
  int value = 0;
  if (semaphore.posix != nullptr) {
    sem_getvalue(semaphore.posix, &value);
  } else {
    value = semctl(semaphore.id, semaphore.number, GETVAL);
    if (value < 0) FailErrno(env, "semctl", errno);
  }
  return Int(env, value);
}

napi_value Id(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "id");
  return Int(env, Self(env, *call.state, call.self).id);
}

// beginAcquire(onTaken): one at a time.
napi_value BeginAcquire(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "sem_wait");
  SemaphoreHandle& semaphore = Self(env, *call.state, call.self);
  if (semaphore.blocker == nullptr) {
    semaphore.callback.Set(env, call.self, call.args[0], "callgate:semaphore", call.name);
    // The callback is kept by the object, as everything that it needs.
    Check(env, napi_set_named_property(env, call.self, "onTaken", call.args[0]));
    semaphore.blocker = Blocker::Start(env, *call.state, semaphore);
  }
  semaphore.callback.Hold(true);
  semaphore.blocker->Ref();
  semaphore.blocker->Arm();
  return Undefined(env);
}

napi_value EndAcquire(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sem_wait");
  SemaphoreHandle& semaphore = Self(env, *call.state, call.self);
  if (semaphore.blocker == nullptr) return Bool(env, false);
  semaphore.blocker->Cancel();
  semaphore.blocker->Unref();
  semaphore.callback.Hold(false);
  semaphore.failure = 0;
  const bool taken = semaphore.taken.exchange(false);
  if (taken) semaphore.held += 1;
  return Bool(env, taken);
}

napi_value Close(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  Handle* handle = call.state->Find(env, call.self, Kind::kSemaphore);
  if (handle == nullptr) FailType(env, "not a Semaphore");
  handle->Close(env);
  return Undefined(env);
}

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
  return call.state->Wrap(env, std::make_unique<SemaphoreHandle>(*call.state, semaphore, binary));
}

napi_value UnlinkPosixSemaphore(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "sem_unlink");
  const std::string name = String(env, call.args[0], call.name, "name");
  if (sem_unlink(name.c_str()) == 0) return Bool(env, true);
  if (errno == ENOENT) return Bool(env, false);
  FailErrno(env, call.name, errno, name);
}

// getSysvSemaphores(key, count, mode, flags, initial): the id of a set whose semaphores begin with `initial` when it is new.
napi_value GetSysvSemaphores(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "semget");
  const auto key = static_cast<key_t>(Integer(env, call.args[0], INT32_MIN, INT32_MAX, call.name, "key"));
  const auto count = static_cast<int>(Integer(env, call.args[1], 0, 32000, call.name, "count"));
  const auto mode = static_cast<int>(Integer(env, call.args[2], 0, 0777, call.name, "mode"));
  const int64_t flags = Integer(env, call.args[3], 0, 3, call.name, "flags");
  const auto initial = static_cast<short>(Integer(env, call.args[4], 0, 32767, call.name, "initial"));
  const bool create = (flags & 1) != 0;
  // First as the only maker, who then gives the first values: a set has none until somebody does.
  int id = create ? semget(key, count, mode | IPC_CREAT | IPC_EXCL) : -1;
  if (id >= 0) {
    int error = 0;
    // By semop and not by SETVAL, since it sets sem_otime, by which others see that the values are there.
    for (int i = 0; i < count && error == 0; i += 1) {
      sembuf operation = {static_cast<unsigned short>(i), initial, IPC_NOWAIT};
      if (semop(id, &operation, 1) != 0) error = errno;
    }
    if (error == 0) return Int(env, id);
    semctl(id, 0, IPC_RMID);
    FailErrno(env, "semop", error);
  }
  if (create && (errno != EEXIST || (flags & 2) != 0)) FailErrno(env, call.name, errno);
  id = semget(key, count, 0);
  if (id < 0) FailErrno(env, call.name, errno);
  return Int(env, id);
}

napi_value StatSysvSemaphores(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "semctl");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  semid_ds found;
  semun argument;
  argument.buf = &found;
  if (semctl(id, 0, IPC_STAT, argument) != 0) FailErrno(env, call.name, errno, std::to_string(id));
  napi_value result = nullptr;
  Check(env, napi_create_object(env, &result));
  const std::pair<const char*, double> fields[] = {
      {"uid", found.sem_perm.cuid},
      {"gid", found.sem_perm.cgid},
      {"mode", found.sem_perm.mode & 0777},
      {"count", static_cast<double>(found.sem_nsems)},
      {"usedAtS", static_cast<double>(found.sem_otime)},
      {"lastPid", semctl(id, 0, GETPID)},
  };
  for (const auto& [name, number] : fields) {
    napi_value value = nullptr;
    Check(env, napi_create_double(env, number, &value));
    Check(env, napi_set_named_property(env, result, name, value));
  }
  return result;
}

napi_value RemoveSysvSemaphores(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "semctl");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  if (semctl(id, 0, IPC_RMID) == 0) return Bool(env, true);
  if (errno == EINVAL || errno == EIDRM) return Bool(env, false);
  FailErrno(env, call.name, errno, std::to_string(id));
}

// openSysvSemaphore(id, number, undo, binary): one semaphore of a set.
napi_value OpenSysvSemaphore(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info, "semctl");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  const auto number = static_cast<unsigned short>(Integer(env, call.args[1], 0, 31999, call.name, "number"));
  const bool undo = Truth(env, call.args[2], call.name, "undo");
  const bool binary = Truth(env, call.args[3], call.name, "binary");
  if (semctl(id, number, GETVAL) < 0) FailErrno(env, call.name, errno, std::to_string(id));
  return call.state->Wrap(env, std::make_unique<SemaphoreHandle>(*call.state, id, number, undo, binary));
}

napi_value BlockedThreads(napi_env env, napi_callback_info) { return Int(env, Blocker::Count()); }

void DefineSemaphore(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"acquire", nullptr, Guarded<Acquire>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"release", nullptr, Guarded<Release>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"value", nullptr, Guarded<Value>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"id", nullptr, nullptr, Guarded<Id>, nullptr, nullptr, napi_enumerable, &state},
      {"beginAcquire", nullptr, Guarded<BeginAcquire>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"endAcquire", nullptr, Guarded<EndAcquire>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"close", nullptr, Guarded<Close>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kSemaphore, "Semaphore", 7, properties);
}

}  // namespace callgate
