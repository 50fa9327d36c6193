// Looks after a thread that sleeps at a semaphore.
#pragma once
#include <semaphore.h>

#include <atomic>

#include "blocker.h"
#include "state.h"

namespace callgate {

/**
 * Interrupts sleeps that last, so that whoever sleeps can look after its event loop, its peer's process, its own
 * termination. A timer per sleep would cost more than many a sleep: a thread that looks from time to time, while there are
 * sleeps at all, costs next to nothing.
 */
class SleepWatch final : public Blocker::Client {
 public:
  struct Sleeper {
    /** On the watch's thread: ends the sleep, if there is one. */
    virtual void Interrupt() noexcept = 0;

   protected:
    ~Sleeper() = default;
  };

  explicit SleepWatch(Sleeper& sleeper) : sleeper_(sleeper) { sem_init(&wanted_, 0, 0); }

  // On the thread that sleeps.

  /** Before each sleep. `nap`: it may last no longer than a millisecond. Raises when no thread can be made. */
  void Begin(napi_env env, State& state, bool nap);
  void End() { sleeps_.fetch_add(1); }
  /** Idempotent. */
  void Close() noexcept;

  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override;
  void Returned() noexcept override {}

 private:
  Sleeper& sleeper_;
  Blocker* blocker_ = nullptr;
  /** Odd during a sleep. */
  std::atomic<uint32_t> sleeps_{0};
  std::atomic<bool> napping_{false};
  /** Rung by a sleep that finds nobody looking, or looking too slowly. */
  sem_t wanted_;
  /** Whether the thread looks. Cleared by it, when it stops; then set by the next sleep. */
  std::atomic<bool> looking_{false};
};

}  // namespace callgate
