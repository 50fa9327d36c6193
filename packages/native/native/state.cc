#include "state.h"

#include <sys/types.h>
#include <unistd.h>

#include <vector>

#include "args.h"
#include "errno.h"

namespace callgate {

Handle::Handle(State& owner, Kind k) : state(owner.shared_from_this()), kind(k) { state->handles.insert(this); }

Handle::~Handle() { state->handles.erase(this); }

std::shared_ptr<State> State::Create(napi_env env) {
  auto state = std::make_shared<State>();
  state->env = env;
  state->is_worker = gettid() != getpid();
  // The environment holds one share of the state, as instance data; each handle holds another.
  Check(env, napi_set_instance_data(
                 env, new std::shared_ptr<State>(state),
                 [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<State>*>(data); }, nullptr));
  Check(env, napi_add_async_cleanup_hook(
                 env, [](napi_async_cleanup_hook_handle hook, void* data) {
                   static_cast<State*>(data)->shared_from_this()->BeginCleanup(hook);
                 },
                 state.get(), nullptr));
  return state;
}

void State::BeginCleanup(napi_async_cleanup_hook_handle hook) {
  const std::vector<Handle*> all(handles.begin(), handles.end());
  for (size_t kind = 0; kind < static_cast<size_t>(Kind::kCount); kind += 1) {
    for (Handle* handle : all) {
      if (static_cast<size_t>(handle->kind) == kind) handle->Close(env);
    }
  }
  if (loop_handles_open == 0) {
    napi_remove_async_cleanup_hook(hook);
  } else {
    cleanup = hook;
  }
}

void State::LoopHandleGone() {
  loop_handles_open -= 1;
  if (loop_handles_open == 0 && cleanup != nullptr) napi_remove_async_cleanup_hook(cleanup);
}

napi_value State::Construct(napi_env env, napi_callback_info info) {
  Call<0> call(env, info, "constructor");
  std::unique_ptr<Handle> handle = std::move(call.state->incoming);
  if (handle == nullptr) FailType(env, "Illegal constructor: these objects are made by the addon's functions");
  Check(env, napi_wrap(
                 env, call.self, handle.get(),
                 [](napi_env finalizing, void* data, void*) {
                   std::unique_ptr<Handle> dead(static_cast<Handle*>(data));
                   dead->Close(finalizing);
                 },
                 nullptr, nullptr));
  handle.release();
  return call.self;
}

napi_value State::Wrap(napi_env env, std::unique_ptr<Handle> handle) {
  napi_value constructor = nullptr;
  napi_value object = nullptr;
  const Kind kind = handle->kind;
  incoming = std::move(handle);
  napi_status status = napi_get_reference_value(env, classes[static_cast<size_t>(kind)], &constructor);
  if (status == napi_ok) status = napi_new_instance(env, constructor, 0, nullptr, &object);
  if (incoming != nullptr) {
    incoming->Close(env);
    incoming.reset();
  }
  Check(env, status);
  return object;
}

Handle* State::Find(napi_env env, napi_value value, Kind kind) const {
  void* data = nullptr;
  if (napi_unwrap(env, value, &data) != napi_ok) return nullptr;
  // Another addon may have wrapped the object: only a pointer that is ours is looked at.
  const auto found = handles.find(static_cast<Handle*>(data));
  return found != handles.end() && (*found)->kind == kind ? *found : nullptr;
}

bool State::Ending(napi_env env) {
  // Any call that might run JavaScript is refused once the environment is stopping; this one is the cheapest.
  napi_value result = nullptr;
  return napi_coerce_to_bool(env, Undefined(env), &result) != napi_ok;
}

void DefineClass(napi_env env, State& state, Kind kind, const char* name, size_t count,
                 const napi_property_descriptor* properties) {
  napi_value constructor = nullptr;
  Check(env, napi_define_class(env, name, NAPI_AUTO_LENGTH, Guarded<State::Construct>, &state, count, properties,
                               &constructor));
  Check(env, napi_create_reference(env, constructor, 1, &state.classes[static_cast<size_t>(kind)]));
}

}  // namespace callgate
