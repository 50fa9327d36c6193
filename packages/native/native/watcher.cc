#include "watcher.h"

#include <errno.h>
#include <poll.h>

#include "events.h"
#include "functions.h"

namespace callgate {

static_assert(kReadable == UV_READABLE && kWritable == UV_WRITABLE && kHungUp == UV_DISCONNECT);

namespace {

constexpr const char* kName = "uv_poll";

void OnPoll(uv_poll_t* poll, int status, int events) {
  auto* box = static_cast<PollBox*>(poll->data);
  if (box->owner != nullptr) box->owner->Dispatch(status, events);
}

void OnClosed(uv_handle_t* handle) {
  const std::unique_ptr<PollBox> box(static_cast<PollBox*>(handle->data));
  box->state->LoopHandleGone();
}

}  // namespace

WatcherHandle::~WatcherHandle() {
  // Runs in the wrapper's finalizer, or when making the wrapper failed: both on the environment's thread.
  if (self != nullptr) napi_delete_reference(state->env, self);
  if (callback != nullptr) napi_delete_reference(state->env, callback);
}

void WatcherHandle::Hold(napi_env env, bool hold) noexcept {
  if (hold == held) return;
  held = hold;
  for (napi_ref reference : {self, callback}) {
    if (reference == nullptr) continue;
    if (hold) {
      napi_reference_ref(env, reference, nullptr);
    } else {
      napi_reference_unref(env, reference, nullptr);
    }
  }
}

void WatcherHandle::Close(napi_env env) noexcept {
  if (box == nullptr) return;
  PollBox* closing = box;
  box = nullptr;
  closing->owner = nullptr;
  // Takes the descriptor out of libuv's epoll set at once: its number may be closed and used anew right after.
  uv_poll_stop(&closing->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&closing->poll), OnClosed);
  fd->watcher = nullptr;
  fd = nullptr;
  events = 0;
  if (context != nullptr) napi_async_destroy(env, context);
  context = nullptr;
  Hold(env, false);
}

void WatcherHandle::Watch(napi_env env, uint32_t wanted) {
  if (wanted == events) return;
  const int status =
      wanted == 0 ? uv_poll_stop(&box->poll) : uv_poll_start(&box->poll, static_cast<int>(wanted), OnPoll);
  if (status != 0) FailErrno(env, kName, -status);
  events = wanted;
  Hold(env, wanted != 0);
}

void WatcherHandle::Dispatch(int status, int found) {
  napi_env env = state->env;
  auto bits = static_cast<uint32_t>(found);
  if (status < 0) {
    // libuv reports POLLERR as EBADF and stops. What is there besides the error (bytes that came before a reset) still
    // counts, and the watch goes on as for any level-triggered event.
    pollfd probe = {fd->number, ToPollEvents(events), 0};
    bits = kError | (poll(&probe, 1, 0) > 0 ? FromPollEvents(probe.revents) : 0);
    uv_poll_start(&box->poll, static_cast<int>(events), OnPoll);
  }
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value object = nullptr;
  napi_value function = nullptr;
  // The local handle on the wrapper keeps `this` alive to the end, whatever the callback does.
  napi_get_reference_value(env, self, &object);
  napi_get_reference_value(env, callback, &function);
  if (object != nullptr && function != nullptr) {
    napi_value argument = Int(env, static_cast<int32_t>(bits));
    // Runs microtasks and process.nextTick queues afterwards, as Node does for its own events.
    napi_make_callback(env, context, object, function, 1, &argument, nullptr);
    bool thrown = false;
    napi_value error = nullptr;
    if (napi_is_exception_pending(env, &thrown) == napi_ok && thrown &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok && !State::Ending(env)) {
      napi_fatal_exception(env, error);
    }
  }
  napi_close_handle_scope(env, scope);
}

napi_value CreateWatcher(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, kName);
  FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.args[1], &type);
  if (type != napi_function) FailType(env, "uv_poll: onEvents must be a function");
  if (fd.watcher != nullptr) {
    FailErrno(env, kName, EEXIST, {},
              "descriptor " + std::to_string(fd.number) + " has a watcher already; an event loop takes one per descriptor");
  }
  uv_loop_t* loop = nullptr;
  Check(env, napi_get_uv_event_loop(env, &loop));

  auto owned = std::make_unique<WatcherHandle>(*call.state);
  WatcherHandle* watcher = owned.get();
  napi_value object = call.state->Wrap(env, std::move(owned));
  // The wrapper keeps the descriptor and the callback alive; nothing native does while it does not watch.
  const napi_property_descriptor properties[] = {
      {"fd", nullptr, nullptr, nullptr, nullptr, call.args[0], napi_default, nullptr},
      {"onEvents", nullptr, nullptr, nullptr, nullptr, call.args[1], napi_default, nullptr},
  };
  Check(env, napi_define_properties(env, object, 2, properties));
  Check(env, napi_create_reference(env, object, 0, &watcher->self));
  Check(env, napi_create_reference(env, call.args[1], 0, &watcher->callback));
  napi_value label = nullptr;
  Check(env, napi_create_string_utf8(env, "callgate:watcher", NAPI_AUTO_LENGTH, &label));

  auto box = std::make_unique<PollBox>(PollBox{{}, watcher, call.state->shared_from_this()});
  const int status = uv_poll_init(loop, &box->poll, fd.number);
  if (status != 0) FailErrno(env, kName, -status, {}, status == UV_EPERM ? "this kind of file cannot be watched" : "");
  box->poll.data = box.get();
  watcher->box = box.release();
  watcher->fd = &fd;
  fd.watcher = watcher;
  call.state->loop_handles_open += 1;
  Check(env, napi_async_init(env, nullptr, label, &watcher->context));
  return object;
}

namespace {

/** The watcher, or null once it is closed. */
WatcherHandle* Self(napi_env env, State& state, napi_value value) {
  Handle* handle = state.Find(env, value, Kind::kWatcher);
  if (handle == nullptr) FailType(env, "not a Watcher");
  auto* watcher = static_cast<WatcherHandle*>(handle);
  return watcher->box == nullptr ? nullptr : watcher;
}

napi_value WatchEvents(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, kName);
  WatcherHandle* watcher = Self(env, *call.state, call.self);
  if (watcher == nullptr) FailErrno(env, kName, EBADF, {}, "the watcher is closed");
  watcher->Watch(env, static_cast<uint32_t>(Integer(env, call.args[0], 0, 7, call.name, "events")));
  return Undefined(env);
}

napi_value RefWatcher(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "ref");
  WatcherHandle* watcher = Self(env, *call.state, call.self);
  if (watcher != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(&watcher->box->poll));
  return Undefined(env);
}

napi_value UnrefWatcher(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "unref");
  WatcherHandle* watcher = Self(env, *call.state, call.self);
  if (watcher != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(&watcher->box->poll));
  return Undefined(env);
}

napi_value CloseWatcher(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  WatcherHandle* watcher = Self(env, *call.state, call.self);
  if (watcher != nullptr) watcher->Close(env);
  return Undefined(env);
}

}  // namespace

void DefineWatcher(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"watch", nullptr, Guarded<WatchEvents>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"ref", nullptr, Guarded<RefWatcher>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"unref", nullptr, Guarded<UnrefWatcher>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"close", nullptr, Guarded<CloseWatcher>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kWatcher, "Watcher", 4, properties);
}

}  // namespace callgate
