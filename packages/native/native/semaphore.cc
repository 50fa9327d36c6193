// Semaphores as JavaScript sees them: blocking, and, by a thread that blocks, from an event loop.
#include "semaphore-handle.h"

#include <errno.h>

#include "functions.h"

namespace callgate {

void SemaphoreHandle::Close(napi_env) noexcept {
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
  if (Undoes()) {
    while (held > 0) Put();
  }
  Forget();
}

int SemaphoreHandle::Put() {
  // Only a unit that was taken is a debt. What a producer puts in without having taken it must survive the producer.
  const bool owed = held > 0;
  if (owed) held -= 1;
  return Raise(owed);
}

Blocker::Next SemaphoreHandle::Block(const std::atomic<bool>& cancelled) noexcept {
  int error = 0;
  do {
    error = TakeWithin(kNever);
  } while (error == EINTR && !cancelled);
  if (error == 0) {
    taken = true;
  } else if (error != EINTR) {
    failure = error;
  }
  return Blocker::Next::kPause;
}

void SemaphoreHandle::Returned() noexcept {
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

bool Truth(napi_env env, napi_value value, const char* name, const char* what) {
  bool truth = false;
  if (napi_get_value_bool(env, value, &truth) != napi_ok) FailType(env, std::string(name) + ": " + what + " must be a boolean");
  return truth;
}

namespace {

SemaphoreHandle& Self(napi_env env, State& state, napi_value value) {
  Handle* handle = state.Find(env, value, Kind::kSemaphore);
  if (handle == nullptr) FailType(env, "not a Semaphore");
  auto& semaphore = *static_cast<SemaphoreHandle*>(handle);
  if (semaphore.closed) FailErrno(env, semaphore.Blame("sem_wait"), EBADF, {}, "the semaphore is closed");
  return semaphore;
}

[[noreturn]] void FailOperation(napi_env env, const SemaphoreHandle& semaphore, const char* posix, int error) {
  const bool gone = error == EIDRM || error == EINVAL;
  FailErrno(env, semaphore.Blame(posix), error, {}, gone ? "the semaphore set was removed" : "");
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
    FailErrno(env, semaphore.Blame("sem_post"), error, {},
              semaphore.binary ? "nothing is taken from this binary semaphore: its value is 1 already"
                               : "the value would pass the most that a semaphore can have");
  }
  if (error != 0) FailOperation(env, semaphore, "sem_post", error);
  return Undefined(env);
}

napi_value Value(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sem_getvalue");
  SemaphoreHandle& semaphore = Self(env, *call.state, call.self);
  const int units = semaphore.Units();
  if (units < 0) FailErrno(env, "semctl", errno);
  return Int(env, units);
}

napi_value Id(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "id");
  return Int(env, Self(env, *call.state, call.self).Id());
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
