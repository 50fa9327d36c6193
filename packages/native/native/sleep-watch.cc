#include "sleep-watch.h"

#include "deadline.h"

namespace callgate {
namespace {

/** How long, in ns, a sleep lasts at most is between one and two ticks: of an event loop that naps, of a thread that blocks. */
constexpr long kNapTickNs = 500'000;
constexpr long kBlockTickNs = 20'000'000;
/** Ticks without a sleep until nobody looks any more. */
constexpr int kIdleTicks = 20;

}  // namespace

void SleepWatch::Begin(napi_env env, State& state, bool nap) {
  if (blocker_ == nullptr) {
    blocker_ = Blocker::Start(env, state, *this);
    blocker_->Arm();
  }
  const bool slower = napping_.exchange(nap) != nap && nap;
  sleeps_.fetch_add(1);
  if (!looking_.exchange(true) || slower) sem_post(&wanted_);
}

Blocker::Next SleepWatch::Block(const std::atomic<bool>& cancelled) noexcept {
  while (!cancelled) {
    if (sem_wait(&wanted_) != 0) continue;
    do {
      uint32_t seen = sleeps_.load();
      for (int idle = 0; idle < kIdleTicks && !cancelled; idle += 1) {
        const timespec until = RealTimeIn(napping_ ? kNapTickNs : kBlockTickNs);
        sem_timedwait(&wanted_, &until);
        const uint32_t now = sleeps_.load();
        if (now == seen && now % 2 != 0) sleeper_.Interrupt();
        if (now != seen || now % 2 != 0) idle = 0;
        seen = now;
      }
      looking_.store(false);
      // A sleep that began just before has not asked to be looked at.
    } while (sleeps_.load() % 2 != 0 && !cancelled && !looking_.exchange(true));
  }
  return Blocker::Next::kPause;
}

void SleepWatch::Close() noexcept {
  if (blocker_ != nullptr) blocker_->Close();
  blocker_ = nullptr;
}

}  // namespace callgate
