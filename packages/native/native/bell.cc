// What an end of a bell does, and how JavaScript sees it.
#include "bell.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "functions.h"

namespace callgate {

BellHandle::BellHandle(State& owner, void* memory, size_t length, size_t offset, int own_end, int semaphores)
    : Handle(owner, Kind::kBell),
      page(memory),
      bytes(length),
      ends(reinterpret_cast<BellEnd*>(static_cast<char*>(memory) + offset)),
      own(own_end),
      set(semaphores) {}

void BellHandle::Close(napi_env) noexcept {
  if (page == nullptr) return;
  ends[own].gone.store(1);
  Ring();
  if (owed) Owe(false);
  if (blocker != nullptr) blocker->Close();
  blocker = nullptr;
  watch.Close();
  callback.Drop();
  if (pidfd >= 0) close(pidfd);
  pidfd = -1;
  munmap(page, bytes);
  page = nullptr;
}

void BellHandle::Post(int end, Which which) {
  if (set < 0) {
    sem_post(which == kThread ? &ends[end].thread : &ends[end].loop);
  } else {
    sembuf operation = {static_cast<unsigned short>(2 * end + which), 1, IPC_NOWAIT};
    // Fails when the set was removed, which whoever waits there hears of as well.
    semop(set, &operation, 1);
  }
}

int BellHandle::Take(Which which, int64_t ns) {
  const timespec left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  if (set >= 0) {
    sembuf operation = {static_cast<unsigned short>(2 * own + which), -1, 0};
    return semtimedop(set, &operation, 1, ns == kNever ? nullptr : &left) == 0 ? 0 : errno;
  }
  sem_t* semaphore = which == kThread ? &ends[own].thread : &ends[own].loop;
  if (ns == kNever) return sem_wait(semaphore) == 0 ? 0 : errno;
  const timespec until = RealTimeIn(ns);
  return sem_timedwait(semaphore, &until) == 0 ? 0 : errno;
}

void BellHandle::Ring() {
  BellEnd& peer = ends[1 - own];
  peer.rung.store(1);
  if (peer.blocked.exchange(0) != 0) {
    Post(1 - own, kThread);
  } else if (peer.parked.exchange(0) != 0) {
    Post(1 - own, kLoop);
  }
}

void BellHandle::Owe(bool on) {
  const auto peer = static_cast<unsigned short>(2 * (1 - own));
  sembuf operations[4];
  for (unsigned short i = 0; i < 2; i += 1) {
    const auto number = static_cast<unsigned short>(peer + i);
    const sembuf up = {number, 1, static_cast<short>(IPC_NOWAIT | (on ? 0 : SEM_UNDO))};
    const sembuf down = {number, -1, static_cast<short>(IPC_NOWAIT | (on ? SEM_UNDO : 0))};
    operations[2 * i] = up;
    operations[2 * i + 1] = down;
  }
  owed = semop(set, operations, 4) == 0 ? on : false;
}

bool BellHandle::Gone(int look_ms) {
  if (!gone && ends[1 - own].gone.load() != 0) gone = true;
  if (!gone && look_ms >= 0 && pidfd >= 0) {
    pollfd probe = {pidfd, POLLIN, 0};
    gone = poll(&probe, 1, look_ms) > 0;
  }
  return gone;
}

Blocker::Next BellHandle::Block(const std::atomic<bool>& cancelled) noexcept {
  int error = 0;
  do {
    error = Take(kLoop, kNever);
  } while (error == EINTR && !cancelled);
  if (error == 0) return Blocker::Next::kAgain;
  if (error != EINTR) removed = true;
  return Blocker::Next::kPause;
}

void BellHandle::Returned() noexcept {
  if (removed) gone = true;
  Park();
  napi_env env = state->env;
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  callback.Call(0, nullptr);
  napi_close_handle_scope(env, scope);
}

void BellHandle::Park() {
  ends[own].parked.store(1);
  ends[own].rung.store(0);
}

namespace {

/** Null once closed. */
BellHandle* Self(napi_env env, State& state, napi_value value) {
  Handle* handle = state.Find(env, value, Kind::kBell);
  if (handle == nullptr) FailType(env, "not a Bell");
  auto* bell = static_cast<BellHandle*>(handle);
  return bell->page == nullptr ? nullptr : bell;
}

napi_value Ring(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "ring");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell != nullptr) bell->Ring();
  return nullptr;
}

napi_value Awake(BellHandle& bell, napi_value gone) {
  BellEnd& end = bell.ends[bell.own];
  end.blocked.store(0);
  end.rung.store(0, std::memory_order_relaxed);
  end.processor.store(static_cast<uint32_t>(sched_getcpu() + 1), std::memory_order_relaxed);
  return bell.gone ? gone : nullptr;
}

// wait(timeoutMs): may return early. Undefined, or anything else when the peer is gone.
napi_value Wait(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "wait");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell == nullptr) return nullptr;
  const Deadline deadline(env, call.args[0], call.name);
  BellEnd& end = bell->ends[bell->own];
  end.blocked.store(1);
  while (end.rung.exchange(0) == 0 && !bell->Gone(-1)) {
    const int64_t left = deadline.LeftNs();
    if (left == 0) break;
    bell->watch.Begin(env, *call.state, false);
    const int error = bell->Take(kThread, left);
    bell->watch.End();
    if (error == EIDRM || error == EINVAL) bell->gone = true;
    // Rung, or the wake of an earlier ring; the caller looks.
    if (end.blocked.load() == 0 || end.rung.load() != 0) break;
    // By the watch, by the clock, or by the kernel, which has taken back what a dying process owed (a moment before that
    // process counts as dead).
    if (bell->Gone(bell->owed && error == 0 ? 1 : 0)) break;
    if (call.state->is_worker && State::Ending(env)) break;
  }
  return Awake(*bell, call.self);
}

// nap(): as wait, but for a millisecond at most, and without a look at the peer's process.
napi_value Nap(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "wait");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell == nullptr) return nullptr;
  BellEnd& end = bell->ends[bell->own];
  end.blocked.store(1);
  if (end.rung.exchange(0) == 0) {
    bell->watch.Begin(env, *call.state, true);
    const int error = bell->Take(kThread, kNever);
    bell->watch.End();
    if (error == EIDRM || error == EINVAL) bell->gone = true;
  }
  return Awake(*bell, call.self);
}

napi_value PeerGone(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "peerGone");
  BellHandle* bell = Self(env, *call.state, call.self);
  bool look = false;
  napi_get_value_bool(env, call.args[0], &look);
  return Bool(env, bell == nullptr || bell->Gone(look ? 0 : -1));
}

napi_value Listen(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "listen");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell == nullptr) FailErrno(env, call.name, EBADF, {}, "the bell is closed");
  if (bell->blocker != nullptr) FailErrno(env, call.name, EEXIST, {}, "the bell is listened to already");
  bell->callback.Set(env, call.self, call.args[0], "callgate:bell", call.name);
  Check(env, napi_set_named_property(env, call.self, "onRing", call.args[0]));
  bell->blocker = Blocker::Start(env, *call.state, *bell);
  bell->callback.Hold(true);
  bell->ends[bell->own].parked.store(1);
  // Rung already: the loop is to hear of it.
  if (bell->ends[bell->own].rung.exchange(0) != 0) bell->Post(bell->own, kLoop);
  bell->blocker->Arm();
  return Undefined(env);
}

napi_value RefBell(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "ref");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell != nullptr && bell->blocker != nullptr) bell->blocker->Ref();
  return nullptr;
}

napi_value UnrefBell(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "unref");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell != nullptr && bell->blocker != nullptr) bell->blocker->Unref();
  return nullptr;
}

napi_value CloseBell(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  BellHandle* bell = Self(env, *call.state, call.self);
  if (bell != nullptr) bell->Close(env);
  return Undefined(env);
}

}  // namespace

void DefineBell(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"ring", nullptr, Guarded<Ring>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"wait", nullptr, Guarded<Wait>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"nap", nullptr, Guarded<Nap>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"peerGone", nullptr, Guarded<PeerGone>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"listen", nullptr, Guarded<Listen>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"ref", nullptr, Guarded<RefBell>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"unref", nullptr, Guarded<UnrefBell>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"close", nullptr, Guarded<CloseBell>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kBell, "Bell", 8, properties);
}

}  // namespace callgate
