// Timeouts in milliseconds (fractions and Infinity allowed) as instants of CLOCK_MONOTONIC.
#pragma once
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "args.h"

namespace callgate {

constexpr int64_t kNever = INT64_MAX;
/** How long a worker blocks at most before it looks whether it is being terminated: nothing else could wake it. */
constexpr int64_t kWorkerSliceNs = 100'000'000;

inline int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/** CLOCK_REALTIME in so many ns, which sem_timedwait(3) wants. */
inline timespec RealTimeIn(int64_t ns) {
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  const int64_t nanoseconds = until.tv_nsec + ns % 1'000'000'000;
  until.tv_sec += static_cast<time_t>(ns / 1'000'000'000 + nanoseconds / 1'000'000'000);
  until.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
  return until;
}

class Deadline {
 public:
  /** Do not wait. */
  Deadline() : at_(0) {}
  /** Rounds up to a nanosecond; what is negative counts as 0, what is longer than a century as never. */
  Deadline(napi_env env, napi_value timeout_ms, const char* name) {
    const double ms = Number(env, timeout_ms, name, "timeoutMs");
    if (std::isnan(ms)) FailRange(env, std::string(name) + ": timeoutMs must not be NaN");
    if (ms <= 0) {
      at_ = 0;
    } else if (ms < 3.2e12) {
      at_ = NowNs() + static_cast<int64_t>(std::ceil(ms * 1e6));
    }
  }

  bool immediate() const { return at_ == 0; }
  /** Nanoseconds left, at least 0; kNever without end. */
  int64_t LeftNs() const {
    if (at_ == kNever) return kNever;
    return at_ == 0 ? 0 : std::max<int64_t>(0, at_ - NowNs());
  }

 private:
  int64_t at_ = kNever;
};

}  // namespace callgate
