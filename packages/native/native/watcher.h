// Watching a descriptor from the event loop, over libuv's uv_poll_t.
#pragma once
#include <uv.h>

#include "state.h"

namespace callgate {

struct FdHandle;
struct WatcherHandle;

/** libuv's part: it lives until libuv's close callback, which may be later than the WatcherHandle. */
struct PollBox {
  uv_poll_t poll;
  /** Null once closed. */
  WatcherHandle* owner;
  std::shared_ptr<State> state;
};

struct WatcherHandle final : Handle {
  explicit WatcherHandle(State& owner) : Handle(owner, Kind::kWatcher) {}
  ~WatcherHandle() override;
  void Close(napi_env env) noexcept override;
  void Watch(napi_env env, uint32_t wanted);
  void Dispatch(int status, int found);
  /** While it watches, the wrapper object and its callback must not be collected; otherwise they may be. */
  void Hold(napi_env env, bool hold) noexcept;

  /** Null once closed. */
  PollBox* box = nullptr;
  /** Null once closed. */
  FdHandle* fd = nullptr;
  /** What is watched now; 0 is nothing. */
  uint32_t events = 0;
  bool held = false;
  napi_ref self = nullptr;
  napi_ref callback = nullptr;
  napi_async_context context = nullptr;
};

}  // namespace callgate
