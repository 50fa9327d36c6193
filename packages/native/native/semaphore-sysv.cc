// Semaphores of System V: semget(2), semop(2), one semaphore of a set. The kernel can take back what a dead process did.
#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#include "functions.h"
#include "semaphore-handle.h"

namespace callgate {
namespace {

/** semctl(2) wants its callers to define it. */
union semun {
  int val;
  semid_ds* buf;
  unsigned short* array;
};

struct SysvSemaphore final : SemaphoreHandle {
  SysvSemaphore(State& owner, int set, unsigned short place, bool undone, bool one)
      : SemaphoreHandle(owner, one), id(set), number(place), undo(undone) {}

  int TryTake() override { return Take(IPC_NOWAIT, nullptr); }

  int TakeWithin(int64_t ns) override {
    if (ns == kNever) return Take(0, nullptr);
    const timespec timeout = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    return Take(0, &timeout);
  }

  int Raise(bool owed) override {
    const sembuf zero = {number, 0, IPC_NOWAIT};
    const sembuf put = {number, 1, static_cast<short>(IPC_NOWAIT | (undo && owed ? SEM_UNDO : 0))};
    // In one step: nobody comes between the look and the change.
    sembuf operations[] = {binary ? zero : put, put};
    if (semop(id, operations, binary ? 2 : 1) == 0) return 0;
    return binary && errno == EAGAIN ? EOVERFLOW : errno;
  }

  int Units() override { return semctl(id, number, GETVAL); }
  int Id() const override { return id; }
  bool Undoes() const override { return undo; }
  const char* Blame(const char*) const override { return "semop"; }

  /** `timeout` null for ever. */
  int Take(short flags, const timespec* timeout) {
    sembuf operation = {number, -1, static_cast<short>(flags | (undo ? SEM_UNDO : 0))};
    const int result =
        timeout == nullptr ? semop(id, &operation, 1) : semtimedop(id, &operation, 1, timeout);
    return result == 0 ? 0 : errno;
  }

  const int id;
  const unsigned short number;
  /** The kernel gives back what a dead process held. */
  const bool undo;
};

}  // namespace

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
  return call.state->Wrap(env, std::make_unique<SysvSemaphore>(*call.state, id, number, undo, binary));
}

}  // namespace callgate
