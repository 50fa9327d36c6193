// Owned descriptors.
#pragma once
#include "state.h"

namespace callgate {

struct WatcherHandle;

/** Sockets are written with MSG_NOSIGNAL; what a received descriptor is gets asked at its first use. */
enum class FdType : uint8_t { kUnknown, kSocket, kOther };

struct FdHandle : Handle {
  FdHandle(State& owner, int fd, FdType t) : Handle(owner, Kind::kFd), number(fd), type(t) {}
  void Close(napi_env env) noexcept override;
  bool IsSocket();

  /** -1 once closed. */
  int number;
  FdType type;
  /** Watches this descriptor, or null; closed before the descriptor is. */
  WatcherHandle* watcher = nullptr;
};

/** Takes ownership of `fd`, also when it raises. */
napi_value NewFd(napi_env env, State& state, int fd, FdType type);

void DefineFd(napi_env env, State& state);

}  // namespace callgate
