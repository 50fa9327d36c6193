// Owned descriptors.
#pragma once
#include "state.h"

namespace callgate {

struct WatcherHandle;

/** Sockets are written with MSG_NOSIGNAL; what a received descriptor is gets asked at its first use. */
enum class FdType : uint8_t { kUnknown, kSocket, kPipe, kOther };

struct FdHandle : Handle {
  FdHandle(State& owner, int fd, FdType t) : Handle(owner, Kind::kFd), number(fd), type(t) {}
  void Close(napi_env env) noexcept override;
  bool IsSocket() { return Type() == FdType::kSocket; }
  /** Of the sockets, whether it is a Unix one. */
  bool IsUnix();
  bool IsPipe() { return Type() == FdType::kPipe; }
  FdType Type();
  /** Sets or clears O_NONBLOCK, with a system call only when it is to change. False, with errno, when that fails. */
  bool LetBlock(bool block);
  /** SO_RCVTIMEO, likewise; 0 for never. */
  bool LimitReads(int64_t milliseconds);

  /** -1 once closed. */
  int number;
  FdType type;
  /** This addon has cleared O_NONBLOCK, for reads that block. Those of sockets that must not, say so each time. */
  bool blocks = false;
  /** SO_DOMAIN, once it has been asked. */
  int domain = -1;
  /** SO_RCVTIMEO as this addon has set it, in ms; -1 when it has not. */
  int64_t reads_limited_to = -1;
  /** Watches this descriptor, or null; closed before the descriptor is. */
  WatcherHandle* watcher = nullptr;
};

/** Takes ownership of `fd`, also when it raises. */
napi_value NewFd(napi_env env, State& state, int fd, FdType type);

void DefineFd(napi_env env, State& state);

}  // namespace callgate
