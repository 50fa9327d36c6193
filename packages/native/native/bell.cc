// How two ends that share memory wake each other by semaphores: unnamed POSIX ones in the memory itself, or those of a
// System V set. Each end has two: one at which a thread blocks, and one at which a blocker waits for its event loop, so
// that neither takes what is meant for the other. A semaphore is posted only for who has said that it waits, so its
// value stays within one of the number of waiters, and who is awake is not rung in the kernel.
//
// In the memory, for each end, from a multiple of 64 on. The other side could write anything here: words are only
// compared with zero, and the worst that it can do to semaphores is to wake too often or not at all.
//
//      0  u32  rung       1: rung since this end last looked
//      4  u32  blocked    1: post `thread`
//      8  u32  parked     1: post `loop`
//     12  u32  gone       1: this end has hung up, or its thread has ended
//     16  u32  processor  on which this end last waited, plus 1; a hint
//     64  sem_t thread    (POSIX only)
//    128  sem_t loop      (POSIX only)
//    256
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "blocker.h"
#include "callback.h"
#include "deadline.h"
#include "functions.h"

namespace callgate {
namespace {

using Word = std::atomic<uint32_t>;

struct End {
  Word rung;
  Word blocked;
  Word parked;
  Word gone;
  Word processor;
  alignas(64) sem_t thread;
  alignas(64) sem_t loop;
  char rest[64];
};
static_assert(sizeof(End) == 256 && sizeof(sem_t) <= 64 && std::atomic<uint32_t>::is_always_lock_free);

constexpr size_t kPageBytes = 4096;
/** Numbers in a System V set: thread and loop of end 0, thread and loop of end 1. */
enum Which : unsigned short { kThread = 0, kLoop = 1 };

/** How long, in ns, a sleep lasts at most is between one and two ticks: of an event loop that naps, of a thread that blocks. */
constexpr long kNapTickNs = 500'000;
constexpr long kBlockTickNs = 20'000'000;
/** Ticks without a sleep until nobody looks any more. */
constexpr int kIdleTicks = 20;

struct BellHandle;

/**
 * Interrupts sleeps that last, so that whoever sleeps can look after its event loop, its peer's process, its own
 * termination. A timer per sleep would cost more than many a sleep: a thread that looks from time to time, while there are
 * sleeps at all, costs next to nothing.
 */
struct SleepWatch final : Blocker::Client {
  explicit SleepWatch(BellHandle& b) : bell(b) { sem_init(&wanted, 0, 0); }
  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override;
  void Returned() noexcept override {}
  /** Before each sleep, on the thread that sleeps. Raises when no thread can be made. */
  void Begin(napi_env env, State& state, bool nap);
  void End() { sleeps.fetch_add(1); }

  BellHandle& bell;
  Blocker* blocker = nullptr;
  /** Odd during a sleep. */
  std::atomic<uint32_t> sleeps{0};
  std::atomic<bool> napping{false};
  /** Rung by a sleep that finds nobody looking, or looking too slowly. */
  sem_t wanted;
  /** Whether the thread looks. Cleared by it, when it stops; then set by the next sleep. */
  std::atomic<bool> looking{false};
};

/** CLOCK_REALTIME in so many ns, which sem_timedwait(3) wants. */
timespec In(int64_t ns) {
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  const int64_t nanoseconds = until.tv_nsec + ns % 1'000'000'000;
  until.tv_sec += static_cast<time_t>(ns / 1'000'000'000 + nanoseconds / 1'000'000'000);
  until.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
  return until;
}

struct BellHandle final : Handle, Blocker::Client {
  BellHandle(State& owner, void* memory, size_t length, size_t offset, int own_end, int semaphores)
      : Handle(owner, Kind::kBell),
        page(memory),
        bytes(length),
        ends(reinterpret_cast<End*>(static_cast<char*>(memory) + offset)),
        own(own_end),
        set(semaphores) {}

  ~BellHandle() override { Close(nullptr); }

  void Close(napi_env) noexcept override {
    if (page == nullptr) return;
    ends[own].gone.store(1);
    Ring();
    if (owed) Owe(false);
    if (blocker != nullptr) blocker->Close();
    blocker = nullptr;
    if (watch.blocker != nullptr) watch.blocker->Close();
    watch.blocker = nullptr;
    callback.Drop();
    if (pidfd >= 0) close(pidfd);
    pidfd = -1;
    munmap(page, bytes);
    page = nullptr;
  }

  void Post(int end, Which which) {
    if (set < 0) {
      sem_post(which == kThread ? &ends[end].thread : &ends[end].loop);
    } else {
      sembuf operation = {static_cast<unsigned short>(2 * end + which), 1, IPC_NOWAIT};
      // Fails when the set was removed, which whoever waits there hears of as well.
      semop(set, &operation, 1);
    }
  }

  /** Zero, or an errno. `ns` may be kNever. */
  int Take(Which which, int64_t ns) {
    const timespec left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    if (set >= 0) {
      sembuf operation = {static_cast<unsigned short>(2 * own + which), -1, 0};
      return semtimedop(set, &operation, 1, ns == kNever ? nullptr : &left) == 0 ? 0 : errno;
    }
    sem_t* semaphore = which == kThread ? &ends[own].thread : &ends[own].loop;
    if (ns == kNever) return sem_wait(semaphore) == 0 ? 0 : errno;
    const timespec until = In(ns);
    return sem_timedwait(semaphore, &until) == 0 ? 0 : errno;
  }

  void Ring() {
    End& peer = ends[1 - own];
    peer.rung.store(1);
    if (peer.blocked.exchange(0) != 0) {
      Post(1 - own, kThread);
    } else if (peer.parked.exchange(0) != 0) {
      Post(1 - own, kLoop);
    }
  }

  /** Lets the kernel ring the peer's semaphores when this process dies: what it takes back with SEM_UNDO is a post. */
  void Owe(bool on) {
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

  /** Looks at the process only if `look_ms` is not negative, and waits so long for its end. */
  bool Gone(int look_ms) {
    if (!gone && ends[1 - own].gone.load() != 0) gone = true;
    if (!gone && look_ms >= 0 && pidfd >= 0) {
      pollfd probe = {pidfd, POLLIN, 0};
      gone = poll(&probe, 1, look_ms) > 0;
    }
    return gone;
  }

  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override {
    int error = 0;
    do {
      error = Take(kLoop, kNever);
    } while (error == EINTR && !cancelled);
    if (error == 0) return Blocker::Next::kAgain;
    if (error != EINTR) removed = true;
    return Blocker::Next::kPause;
  }

  void Returned() noexcept override {
    if (removed) gone = true;
    Park();
    napi_env env = state->env;
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    callback.Call(0, nullptr);
    napi_close_handle_scope(env, scope);
  }

  /** From now on a ring wakes the loop. What was rung before is for the caller to look after. */
  void Park() {
    ends[own].parked.store(1);
    ends[own].rung.store(0);
  }

  /** This handle's own mapping, so that it can hang up when the thread ends, after JavaScript's was taken away. Null once closed. */
  void* page;
  const size_t bytes;
  End* const ends;
  const int own;
  /** System V set, or -1. */
  const int set;
  int pidfd = -1;
  bool owed = false;
  bool gone = false;
  /** The semaphores were taken away. Written by the blocker's thread. */
  std::atomic<bool> removed{false};
  Blocker* blocker = nullptr;
  SleepWatch watch{*this};
  Callback callback;
};

void SleepWatch::Begin(napi_env env, State& state, bool nap) {
  if (blocker == nullptr) {
    blocker = Blocker::Start(env, state, *this);
    blocker->Arm();
  }
  const bool slower = napping.exchange(nap) != nap && nap;
  sleeps.fetch_add(1);
  if (!looking.exchange(true) || slower) sem_post(&wanted);
}

Blocker::Next SleepWatch::Block(const std::atomic<bool>& cancelled) noexcept {
  while (!cancelled) {
    if (sem_wait(&wanted) != 0) continue;
    do {
      uint32_t seen = sleeps.load();
      for (int idle = 0; idle < kIdleTicks && !cancelled; idle += 1) {
        const timespec until = In(napping ? kNapTickNs : kBlockTickNs);
        sem_timedwait(&wanted, &until);
        const uint32_t now = sleeps.load();
        if (now == seen && now % 2 != 0) bell.Post(bell.own, kThread);
        if (now != seen || now % 2 != 0) idle = 0;
        seen = now;
      }
      looking.store(false);
      // A sleep that began just before has not asked to be looked at.
    } while (sleeps.load() % 2 != 0 && !cancelled && !looking.exchange(true));
  }
  return Blocker::Next::kPause;
}

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
  End& end = bell.ends[bell.own];
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
  End& end = bell->ends[bell->own];
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
  End& end = bell->ends[bell->own];
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

napi_value Finish(napi_env env, State& state, std::unique_ptr<BellHandle> bell, bool fresh, napi_value pidfd) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, pidfd, &type);
  if (type != napi_null && type != napi_undefined) {
    bell->pidfd = fcntl(OpenFd(env, state, pidfd, "fcntl").number, F_DUPFD_CLOEXEC, 3);
    if (bell->pidfd < 0) FailErrno(env, "fcntl", errno);
  }
  if (fresh && bell->set < 0) {
    for (int end = 0; end < 2; end += 1) {
      sem_init(&bell->ends[end].thread, 1, 0);
      sem_init(&bell->ends[end].loop, 1, 0);
    }
  }
  return state.Wrap(env, std::move(bell));
}

}  // namespace

// createPosixBell(fd, offset, end, fresh, pidfd)
napi_value CreatePosixBell(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "mmap");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const auto offset = static_cast<size_t>(Integer(env, call.args[1], 0, kPageBytes - 2 * sizeof(End), call.name, "offset"));
  const auto end = static_cast<int>(Integer(env, call.args[2], 0, 1, call.name, "end"));
  bool fresh = false;
  if (offset % 64 != 0) FailRange(env, "mmap: offset must be a multiple of 64");
  if (napi_get_value_bool(env, call.args[3], &fresh) != napi_ok) FailType(env, "mmap: fresh must be a boolean");
  struct stat found;
  if (fstat(fd.number, &found) != 0) FailErrno(env, "fstat", errno);
  if (found.st_size < static_cast<off_t>(kPageBytes)) FailErrno(env, call.name, EINVAL, {}, "the object is smaller than a page");
  void* page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.number, 0);
  if (page == MAP_FAILED) FailErrno(env, call.name, errno);
  auto bell = std::make_unique<BellHandle>(*call.state, page, kPageBytes, offset, end, -1);
  return Finish(env, *call.state, std::move(bell), fresh, call.args[4]);
}

// createSysvBell(shmId, offset, end, semId, pidfd)
napi_value CreateSysvBell(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "shmat");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "shmId"));
  const auto offset = static_cast<size_t>(Integer(env, call.args[1], 0, kPageBytes - 2 * sizeof(End), call.name, "offset"));
  const auto end = static_cast<int>(Integer(env, call.args[2], 0, 1, call.name, "end"));
  const auto set = static_cast<int>(Integer(env, call.args[3], 0, INT32_MAX, call.name, "semId"));
  if (offset % 64 != 0) FailRange(env, "shmat: offset must be a multiple of 64");
  if (semctl(set, 3, GETVAL) < 0) FailErrno(env, "semctl", errno, std::to_string(set));
  void* page = shmat(id, nullptr, 0);
  if (page == reinterpret_cast<void*>(-1)) FailErrno(env, call.name, errno, std::to_string(id));
  shmid_ds found;
  if (shmctl(id, IPC_STAT, &found) != 0 || found.shm_segsz < kPageBytes) {
    const int error = errno;
    shmdt(page);
    FailErrno(env, "shmctl", error, std::to_string(id));
  }
  auto bell = std::make_unique<BellHandle>(*call.state, page, found.shm_segsz, offset, end, set);
  BellHandle* made = bell.get();
  napi_value object = Finish(env, *call.state, std::move(bell), false, call.args[4]);
  made->Owe(true);
  return object;
}

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
