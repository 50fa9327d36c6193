// Blocking waits: ppoll(2), for its nanoseconds. On the hot path, so nothing here allocates.
#include <errno.h>
#include <poll.h>

#include "deadline.h"
#include "events.h"
#include "functions.h"

namespace callgate {

// poll(packedEvents, timeoutMs, fd0, fd1, fd2, fd3): flat, since reading arrays through Node-API costs more than the
// system call. src/load.ts unpacks the arrays that users give.
napi_value Poll(napi_env env, napi_callback_info info) {
  const Call<6> call(env, info, "poll");
  if (call.count < 3) FailType(env, "poll: expected 1 to 4 descriptors");
  const size_t count = call.count - 2 < 4 ? call.count - 2 : 4;
  const auto wanted = static_cast<uint32_t>(Integer(env, call.args[0], 0, 0xffff, call.name, "events"));
  const Deadline deadline(env, call.args[1], call.name);
  pollfd fds[4];
  for (size_t i = 0; i < count; i += 1) {
    fds[i].fd = OpenFd(env, *call.state, call.args[2 + i], call.name).number;
    fds[i].events = ToPollEvents(wanted >> (4 * i));
    fds[i].revents = 0;
  }
  for (;;) {
    int64_t left = deadline.LeftNs();
    const bool sliced = call.state->is_worker && left > kWorkerSliceNs;
    if (sliced) left = kWorkerSliceNs;
    const timespec timeout = {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    const int ready = ppoll(fds, count, left == kNever ? nullptr : &timeout, nullptr);
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) FailErrno(env, call.name, errno);
    if (ready == 0 && !sliced) return Int(env, 0);
    if (State::Ending(env)) return nullptr;
  }
  uint32_t result = 0;
  for (size_t i = 0; i < count; i += 1) result |= FromPollEvents(fds[i].revents) << (4 * i);
  return Int(env, static_cast<int32_t>(result));
}

}  // namespace callgate
