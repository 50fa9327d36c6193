// The addon's event bits (src/addon.ts) in terms of poll(2).
#pragma once
#include <poll.h>

#include <cstdint>

namespace callgate {

constexpr uint32_t kReadable = 1;
constexpr uint32_t kWritable = 2;
constexpr uint32_t kHungUp = 4;
constexpr uint32_t kError = 8;

inline short ToPollEvents(uint32_t wanted) {
  return static_cast<short>(((wanted & kReadable) != 0 ? POLLIN : 0) | ((wanted & kWritable) != 0 ? POLLOUT : 0) |
                            ((wanted & kHungUp) != 0 ? POLLRDHUP : 0));
}

inline uint32_t FromPollEvents(short found) {
  return ((found & POLLIN) != 0 ? kReadable : 0) | ((found & POLLOUT) != 0 ? kWritable : 0) |
         ((found & (POLLHUP | POLLRDHUP)) != 0 ? kHungUp : 0) | ((found & (POLLERR | POLLNVAL)) != 0 ? kError : 0);
}

}  // namespace callgate
