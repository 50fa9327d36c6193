// System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
#pragma once
#include <sys/types.h>

#include <memory>

#include "state.h"

namespace callgate {

/**
 * The kernel's msgbuf: 8 bytes of type, then the text. Callers keep 8 bytes free before every text, so that neither
 * sending nor receiving copies it.
 */
constexpr size_t kTypeBytes = sizeof(long);

class MessageAlarm;

struct MessageQueueHandle final : Handle {
  MessageQueueHandle(State& owner, int queue, bool own);
  ~MessageQueueHandle() override;
  void Close(napi_env env) noexcept override;

  /** -1 once closed. */
  int id;
  /** Close removes the queue, with all that is in it. */
  bool owned;
  /** Wakes the thread from a blocking receive; made by the first that needs it. */
  std::unique_ptr<MessageAlarm> alarm;
};

/** A queue of this environment that is open; raises EBADF, without any system call, when it is closed. */
MessageQueueHandle& OpenQueue(napi_env env, State& state, napi_value value, const char* name);

/** Raises a system error, naming the queue. */
[[noreturn]] void FailQueue(napi_env env, const char* name, int error, int queue);

}  // namespace callgate
