// Reads that block until something comes: one system call where poll(2) and a read would be two.
//
// Not so for Unix sockets: who blocks in recv(2) is woken there not only by what comes, but also when the peer reads
// what was sent to it (unix_write_space in the kernel), only to sleep again. Where both share a processor, that costs
// more than the poll does, which is woken for what it waits for.
#pragma once
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "deadline.h"
#include "fd.h"

namespace callgate {

/** What WaitRead gives when the deadline passed, and when the worker is being terminated. */
constexpr ssize_t kNothing = -1;
constexpr ssize_t kEnding = -2;

/** The kernel counts SO_RCVTIMEO in ticks of up to 10 ms and rounds up: less than this before a deadline it is no use. */
constexpr int64_t kReadLimitMarginMs = 20;

/**
 * How long a single read may block, in ms: 0 for ever, -1 not at all (poll then, which knows nanoseconds). Deadlines
 * differ from call to call, and setting a limit is a system call: one that was set before, and is not much too short,
 * is taken again.
 */
inline int64_t ReadLimitMs(FdHandle& fd, int64_t left_ns, bool is_worker) {
  if (fd.IsPipe()) return left_ns == kNever && !is_worker ? 0 : -1;
  if (!fd.IsSocket() || fd.IsUnix()) return -1;
  if (is_worker) left_ns = std::min(left_ns, kWorkerSliceNs + kReadLimitMarginMs * 1'000'000);
  if (left_ns == kNever) return 0;
  const int64_t most = left_ns / 1'000'000 - kReadLimitMarginMs;
  if (most < kReadLimitMarginMs) return -1;
  if (fd.reads_limited_to > 0 && fd.reads_limited_to <= most && fd.reads_limited_to >= most / 8) return fd.reads_limited_to;
  int64_t limit = kReadLimitMarginMs;
  while (limit <= most / 2) limit *= 2;
  return limit;
}

/**
 * Calls `attempt`, with flags for recv(2), until it gives bytes or the end. What it gives, or kNothing, or kEnding;
 * raises what fails. `attempt` must be for `fd`.
 */
template <typename Attempt>
ssize_t WaitRead(napi_env env, const State& state, FdHandle& fd, const Deadline& deadline, const char* name,
                 Attempt attempt) {
  for (;;) {
    const int64_t left = deadline.LeftNs();
    const int64_t limit_ms = left == 0 ? -1 : ReadLimitMs(fd, left, state.is_worker);
    if (limit_ms >= 0) {
      if (!fd.LetBlock(true) || (fd.IsSocket() && !fd.LimitReads(limit_ms))) FailErrno(env, name, errno);
    } else if (left > 0 || !fd.IsSocket()) {
      if (!fd.IsSocket() && !fd.LetBlock(false)) FailErrno(env, name, errno);
      const int64_t slice = state.is_worker ? std::min(left, kWorkerSliceNs) : left;
      const timespec timeout = {static_cast<time_t>(slice / 1'000'000'000), static_cast<long>(slice % 1'000'000'000)};
      pollfd polled = {fd.number, POLLIN, 0};
      const int ready = ppoll(&polled, 1, slice == kNever ? nullptr : &timeout, nullptr);
      if (ready < 0 && errno != EINTR) FailErrno(env, "ppoll", errno);
      if (ready == 0 && slice == left) return kNothing;
      if (State::Ending(env)) return kEnding;
      if (ready <= 0) continue;
    }
    const ssize_t count = attempt(limit_ms < 0 ? MSG_DONTWAIT : 0);
    if (count >= 0) return count;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) FailErrno(env, name, errno);
    if (left == 0 && errno != EINTR) return kNothing;
    if (State::Ending(env)) return kEnding;
  }
}

}  // namespace callgate
