// msgrcv(2) knows no deadline, and nothing but a message ends it. So who must stop waiting for a queue of his own is sent
// one: empty, of a type that says what it is. No signal is involved.
//
// A thread sleeps until the deadline, or until a descriptor that was named becomes readable, and then sends that message.
// It is not told of every wait: who waits leaves his deadline in memory, and wakes the thread only if it would sleep too long. So
// a thousand calls with a deadline of a second each cost one wake-up per second, and no system call per call.
#pragma once
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace callgate {

/** The type of the message that ends a wait: the highest there is, so that nobody else has it by accident. */
constexpr long kNudgeType = INT64_MAX;

class MessageAlarm final {
 public:
  explicit MessageAlarm(int queue) : queue_(queue) {}
  /** Joins the thread. */
  ~MessageAlarm();
  /** Starts the thread; an errno, or 0. */
  int Start() noexcept;
  /** Descriptors, owned by the alarm from now on, which end waits once they are readable; those before are closed. */
  void Watch(std::vector<int> fds) noexcept;
  /** Before a wait: a message will come at the deadline (CLOCK_MONOTONIC, ns), or for a descriptor. */
  void Begin(int64_t deadline_ns) noexcept;
  /** After it. A message may still come, and means nothing then. */
  void End() noexcept { waiting_.store(0); }
  /** A watched descriptor has become readable. */
  bool rung() const noexcept { return rung_.load(); }

 private:
  static void* Run(void* self);
  void Work() noexcept;
  void Wake() noexcept;

  const int queue_;
  int bell_ = -1;
  pthread_t thread_{};
  bool started_ = false;
  std::atomic<bool> quit_{false};
  std::atomic<bool> rung_{false};
  std::atomic<int64_t> deadline_{INT64_MAX};
  /** When the thread will wake by itself. */
  std::atomic<int64_t> planned_{INT64_MAX};
  /** Number of the wait that goes on; 0 for none. */
  std::atomic<uint32_t> waiting_{0};
  uint32_t waits_ = 0;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  // Under the mutex.
  std::vector<int> fds_;
};

}  // namespace callgate
