// A counting semaphore that unrelated processes share, whatever it is made of: of POSIX (semaphore-posix.cc), or of
// System V (semaphore-sysv.cc). A thread of its own waits on behalf of an event loop.
#pragma once
#include <atomic>

#include "blocker.h"
#include "callback.h"
#include "deadline.h"
#include "state.h"

namespace callgate {

/** Results are zero or an errno. */
struct SemaphoreHandle : Handle, Blocker::Client {
  SemaphoreHandle(State& owner, bool one) : Handle(owner, Kind::kSemaphore), binary(one) {}
  void Close(napi_env env) noexcept override;

  /** Takes a unit without waiting: EAGAIN when there is none. */
  virtual int TryTake() = 0;
  /** Takes a unit, blocking at most so many ns (kNever: for ever): EAGAIN or ETIMEDOUT when there was none in time. */
  virtual int TakeWithin(int64_t ns) = 0;
  /** Puts a unit in; `owed`: one that was taken through this handle. EOVERFLOW when it is binary and has it. */
  virtual int Raise(bool owed) = 0;
  /** Units in it; -1, and errno, when the semaphore is gone. */
  virtual int Units() = 0;
  /** Gives up the mechanism's part of it. Called once. */
  virtual void Forget() noexcept {}
  /** Of the System V set; -1 for POSIX. */
  virtual int Id() const { return -1; }
  /** Closing the handle gives back what was taken through it. */
  virtual bool Undoes() const { return false; }
  /** The function to blame: each kind has its own word for the same thing. */
  virtual const char* Blame(const char* posix) const = 0;

  /** Gives a unit back, or puts one in. */
  int Put();

  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override;
  void Returned() noexcept override;

  /** The value never passes 1. */
  const bool binary;
  bool closed = false;
  /** Units taken through this handle and not given back. */
  int64_t held = 0;
  Blocker* blocker = nullptr;
  Callback callback;
  /** The blocker's thread has taken a unit that nobody has got yet. */
  std::atomic<bool> taken{false};
  std::atomic<int> failure{0};
};

/** Reads a boolean argument. */
bool Truth(napi_env env, napi_value value, const char* name, const char* what);

}  // namespace callgate
