// One msgrcv(2) or msgsnd(2) that blocks, on a thread of its own (blocker.h), for an event loop, or for a thread that
// wants to wait with a deadline.
#include <errno.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <time.h>

#include <atomic>
#include <cstring>
#include <vector>

#include "blocker.h"
#include "callback.h"
#include "deadline.h"
#include "functions.h"
#include "message-queue.h"

namespace callgate {
namespace {

constexpr int64_t kLargestType = (int64_t{1} << 53) - 1;
/** More than any kernel is set to in practice; msgmax is asked from the system in JavaScript. */
constexpr int64_t kLargestText = 64 * 1024 * 1024;

enum class Stage { kIdle, kRunning, kDone };

struct MessageThreadHandle final : Handle, Blocker::Client {
  explicit MessageThreadHandle(State& owner) : Handle(owner, Kind::kMessageThread) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
  }
  ~MessageThreadHandle() override {
    pthread_cond_destroy(&changed);
    pthread_mutex_destroy(&mutex);
  }

  void Close(napi_env env) noexcept override {
    if (blocker == nullptr) return;
    blocker->Close();
    blocker = nullptr;
    // What it has taken and nobody has fetched goes back to its queue: it may be for others as well.
    if (stage.load() == Stage::kDone && !sending && error == 0) {
      while (msgsnd(queue, message.data(), length, IPC_NOWAIT) != 0 && errno == EINTR) {
      }
    }
    stage.store(Stage::kIdle);
    callback.Hold(false);
    callback.Drop();
    (void)env;
  }

  Blocker::Next Block(const std::atomic<bool>& cancelled) noexcept override {
    ssize_t result = -1;
    int failed = 0;
    do {
      result = sending ? msgsnd(queue, message.data(), length, 0)
                       : msgrcv(queue, message.data(), message.size() - kTypeBytes, type, MSG_NOERROR);
      failed = result < 0 ? errno : 0;
    } while (failed == EINTR && !cancelled.load());
    pthread_mutex_lock(&mutex);
    if (failed == EINTR) {
      stage.store(Stage::kIdle);
    } else {
      error = failed;
      if (!sending && failed == 0) length = static_cast<size_t>(result);
      stage.store(Stage::kDone);
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return Blocker::Next::kPause;
  }

  void Returned() noexcept override {
    if (stage.load() != Stage::kDone) return;
    napi_env env = state->env;
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    callback.Call(0, nullptr);
    napi_close_handle_scope(env, scope);
  }

  /** True when it has come through before it could be stopped. */
  bool Stop() noexcept {
    if (stage.load() == Stage::kRunning) blocker->Cancel();
    if (stage.load() == Stage::kRunning) stage.store(Stage::kIdle);
    callback.Hold(false);
    return stage.load() == Stage::kDone;
  }

  /** Null once closed. */
  Blocker* blocker = nullptr;
  Callback callback;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed;
  /** Everything below belongs to the blocker's thread while this is kRunning. */
  std::atomic<Stage> stage{Stage::kIdle};
  bool sending = false;
  int queue = -1;
  long type = 0;
  int error = 0;
  size_t length = 0;
  std::vector<uint8_t> message;
};

MessageThreadHandle& Self(napi_env env, State& state, napi_value value, const char* name) {
  Handle* handle = state.Find(env, value, Kind::kMessageThread);
  if (handle == nullptr) FailType(env, std::string(name) + ": not a MessageThread");
  auto& thread = static_cast<MessageThreadHandle&>(*handle);
  if (thread.blocker == nullptr) FailErrno(env, name, EBADF, {}, "the thread is closed");
  return thread;
}

MessageThreadHandle& Idle(napi_env env, State& state, napi_value value, const char* name) {
  MessageThreadHandle& thread = Self(env, state, value, name);
  if (thread.stage.load() != Stage::kIdle) FailErrno(env, name, EBUSY, {}, "the last message was not fetched");
  return thread;
}

void Begin(MessageThreadHandle& thread, int queue, long type, bool sending) {
  // The last message may have been fetched while the blocker's thread was still on its way back from it.
  thread.blocker->Cancel();
  thread.queue = queue;
  thread.type = type;
  thread.sending = sending;
  thread.error = 0;
  thread.stage.store(Stage::kRunning);
  thread.callback.Hold(true);
  thread.blocker->Arm();
}

napi_value Receive(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info, "msgrcv");
  MessageThreadHandle& thread = Idle(env, *call.state, call.self, call.name);
  const int queue = OpenQueue(env, *call.state, call.args[0], call.name).id;
  const auto type = static_cast<long>(Integer(env, call.args[1], -kLargestType, kLargestType, call.name, "type"));
  const int64_t bytes = Integer(env, call.args[2], 0, kLargestText, call.name, "bytes");
  thread.message.resize(kTypeBytes + static_cast<size_t>(bytes));
  Begin(thread, queue, type, false);
  return Undefined(env);
}

napi_value Send(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "msgsnd");
  MessageThreadHandle& thread = Idle(env, *call.state, call.self, call.name);
  const int queue = OpenQueue(env, *call.state, call.args[0], call.name).id;
  const auto type = static_cast<long>(Integer(env, call.args[1], 1, kLargestType, call.name, "type"));
  const Bytes text = ByteRange(env, call.args[2], call.args[3], call.args[4], call.name);
  thread.message.resize(kTypeBytes + text.length);
  memcpy(thread.message.data(), &type, kTypeBytes);
  if (text.length > 0) memcpy(thread.message.data() + kTypeBytes, text.data, text.length);
  thread.length = text.length;
  Begin(thread, queue, type, true);
  return Undefined(env);
}

// wait(timeoutMs): true once it is done; false when the time is up. Blocks the thread.
napi_value Wait(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "wait");
  MessageThreadHandle& thread = Self(env, *call.state, call.self, call.name);
  const Deadline deadline(env, call.args[0], call.name);
  for (;;) {
    int64_t left = deadline.LeftNs();
    const bool sliced = call.state->is_worker && left > kWorkerSliceNs;
    if (sliced) left = kWorkerSliceNs;
    pthread_mutex_lock(&thread.mutex);
    if (left == kNever) {
      while (thread.stage.load() == Stage::kRunning) pthread_cond_wait(&thread.changed, &thread.mutex);
    } else {
      const int64_t until = NowNs() + left;
      const timespec at = {static_cast<time_t>(until / 1'000'000'000), static_cast<long>(until % 1'000'000'000)};
      int timed_out = 0;
      while (thread.stage.load() == Stage::kRunning && timed_out == 0) {
        timed_out = pthread_cond_timedwait(&thread.changed, &thread.mutex, &at);
      }
    }
    const bool done = thread.stage.load() == Stage::kDone;
    pthread_mutex_unlock(&thread.mutex);
    if (done || !sliced) return Bool(env, done);
    if (State::Ending(env)) return nullptr;
  }
}

// fetch(bytes, start, end): the result of what is done: the length received (cut to the room there is), or 0 for what was
// sent; -1 while it goes on, or when there is nothing. Needs 8 bytes before start, for the type.
napi_value Fetch(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info, "msgrcv");
  MessageThreadHandle& thread = Self(env, *call.state, call.self, call.name);
  if (thread.stage.load() != Stage::kDone) return Int(env, -1);
  const char* name = thread.sending ? "msgsnd" : "msgrcv";
  const int error = thread.error;
  size_t length = 0;
  if (error == 0 && !thread.sending) {
    const Bytes into = ByteRange(env, call.args[0], call.args[1], call.args[2], name);
    if (Integer(env, call.args[1], 0, INT64_MAX, name, "start") < static_cast<int64_t>(kTypeBytes)) {
      FailRange(env, "msgrcv: there must be 8 bytes in front of start, for the type");
    }
    length = thread.length < into.length ? thread.length : into.length;
    memcpy(into.data - kTypeBytes, thread.message.data(), kTypeBytes);
    if (length > 0) memcpy(into.data, thread.message.data() + kTypeBytes, length);
  }
  thread.stage.store(Stage::kIdle);
  thread.callback.Hold(false);
  if (error != 0) FailQueue(env, name, error, thread.queue);
  return Int(env, static_cast<int32_t>(length));
}

napi_value Cancel(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "cancel");
  return Bool(env, Self(env, *call.state, call.self, call.name).Stop());
}

napi_value RefThread(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "ref");
  Self(env, *call.state, call.self, call.name).blocker->Ref();
  return Undefined(env);
}

napi_value UnrefThread(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "unref");
  Self(env, *call.state, call.self, call.name).blocker->Unref();
  return Undefined(env);
}

napi_value CloseThread(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  Handle* handle = call.state->Find(env, call.self, Kind::kMessageThread);
  if (handle == nullptr) FailType(env, "not a MessageThread");
  handle->Close(env);
  return Undefined(env);
}

}  // namespace

napi_value CreateMessageThread(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "createMessageThread");
  auto owned = std::make_unique<MessageThreadHandle>(*call.state);
  MessageThreadHandle* thread = owned.get();
  napi_value object = call.state->Wrap(env, std::move(owned));
  const napi_property_descriptor property = {"onDone", nullptr, nullptr, nullptr, nullptr, call.args[0],
                                             napi_default, nullptr};
  Check(env, napi_define_properties(env, object, 1, &property));
  thread->callback.Set(env, object, call.args[0], "callgate:messages", call.name);
  thread->blocker = Blocker::Start(env, *call.state, *thread);
  return object;
}

void DefineMessageThread(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"receive", nullptr, Guarded<Receive>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"send", nullptr, Guarded<Send>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"wait", nullptr, Guarded<Wait>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"fetch", nullptr, Guarded<Fetch>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"cancel", nullptr, Guarded<Cancel>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"ref", nullptr, Guarded<RefThread>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"unref", nullptr, Guarded<UnrefThread>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"close", nullptr, Guarded<CloseThread>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kMessageThread, "MessageThread", 8, properties);
}

}  // namespace callgate
