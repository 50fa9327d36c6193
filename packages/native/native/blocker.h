// Waits in the kernel that no descriptor announces (semop, sem_wait, msgrcv), on behalf of an event loop: a thread that
// blocks, and wakes the loop by uv_async. One thread per Blocker, with a small stack; it sleeps in the kernel all the
// time that it has nothing to do.
//
// A system call that blocks is interrupted by a signal: one real-time signal that nobody else in the process uses, sent
// to that thread only, again and again until the call has returned. So a cancelled wait has either happened or not:
// nothing is taken and then lost.
#pragma once
#include <pthread.h>
#include <uv.h>

#include <atomic>
#include <memory>

#include "state.h"

namespace callgate {

class Blocker final {
 public:
  /** What the thread does after it has told the loop that Block has returned. */
  enum class Next { kPause, kAgain };

  /** Who waits. Must outlive the Blocker's Close. */
  struct Client {
    /**
     * On the blocker's thread: blocks in one system call. When that fails with EINTR it tries again, unless `cancelled`
     * says that it shall return. Must not touch JavaScript. kAgain blocks anew at once, kPause waits for Arm.
     */
    virtual Next Block(const std::atomic<bool>& cancelled) noexcept = 0;
    /** On the loop's thread, once after one or more returns of Block, without a handle scope. May call anything of the Blocker, Close too. */
    virtual void Returned() noexcept = 0;

   protected:
    ~Client() = default;
  };

  /** Starts a thread, paused, which does not keep the loop alive. Raises a system error. Close it before the environment ends. */
  static Blocker* Start(napi_env env, State& state, Client& client);

  // All on the loop's thread.

  /** Lets Block run, once or as long as it says kAgain. Does nothing while it runs. */
  void Arm() noexcept;
  /** Ends a Block that runs. When this returns none does, and none will before Arm. Returned may still be called for one that had come through. */
  void Cancel() noexcept;
  void Ref() noexcept;
  void Unref() noexcept;
  /** As Cancel, but for good: the thread is joined, and Returned is never called again. Frees `this`, at once or later. */
  void Close() noexcept;

  /** Threads of this process that wait for event loops. */
  static int Count() noexcept;
  /** The signal that interrupts them; 0 when there are none. Nobody else may give it a handler. */
  static int Signal() noexcept;

 private:

  Blocker(State& state, Client& client) : client_(&client), state_(state.shared_from_this()) {}
  ~Blocker();
  static void* Run(void* self);
  void Work();

  Client* client_;
  const std::shared_ptr<State> state_;
  uv_async_t async_{};
  pthread_t thread_{};
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  // Under the mutex.
  bool armed_ = false;
  bool blocking_ = false;
  bool quit_ = false;
  /** Read by Block without the mutex. */
  std::atomic<bool> cancelled_{false};
};

}  // namespace callgate
