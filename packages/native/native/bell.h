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
#pragma once
#include <semaphore.h>

#include <atomic>
#include <cstddef>

#include "blocker.h"
#include "callback.h"
#include "sleep-watch.h"
#include "state.h"

namespace callgate {

struct BellEnd {
  std::atomic<uint32_t> rung;
  std::atomic<uint32_t> blocked;
  std::atomic<uint32_t> parked;
  std::atomic<uint32_t> gone;
  std::atomic<uint32_t> processor;
  alignas(64) sem_t thread;
  alignas(64) sem_t loop;
  char rest[64];
};
static_assert(sizeof(BellEnd) == 256 && sizeof(sem_t) <= 64 && std::atomic<uint32_t>::is_always_lock_free);

constexpr size_t kBellPageBytes = 4096;
/** Numbers in a System V set: thread and loop of end 0, thread and loop of end 1. */
enum Which : unsigned short { kThread = 0, kLoop = 1 };

struct BellHandle final : Handle, Blocker::Client, SleepWatch::Sleeper {
  BellHandle(State& owner, void* memory, size_t length, size_t offset, int own_end, int semaphores);
  ~BellHandle() override { Close(nullptr); }
  void Close(napi_env env) noexcept override;

  void Post(int end, Which which);
  /** Zero, or an errno. `ns` may be kNever. */
  int Take(Which which, int64_t ns);
  void Ring();
  /** Lets the kernel ring the peer's semaphores when this process dies: what it takes back with SEM_UNDO is a post. */
  void Owe(bool on);
  /** Looks at the process only if `look_ms` is not negative, and waits so long for its end. */
  bool Gone(int look_ms);
  /** From now on a ring wakes the loop. What was rung before is for the caller to look after. */
  void Park();

  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override;
  void Returned() noexcept override;
  void Interrupt() noexcept override { Post(own, kThread); }

  /** This handle's own mapping, so that it can hang up when the thread ends, after JavaScript's was taken away. Null once closed. */
  void* page;
  const size_t bytes;
  BellEnd* const ends;
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

}  // namespace callgate
