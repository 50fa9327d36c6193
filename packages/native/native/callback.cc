#include "callback.h"

#include <string>

#include "errno.h"
#include "state.h"

namespace callgate {

Callback::~Callback() {
  if (object_ != nullptr) napi_delete_reference(env_, object_);
  if (function_ != nullptr) napi_delete_reference(env_, function_);
}

void Callback::Set(napi_env env, napi_value object, napi_value function, const char* label, const char* name) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, function, &type);
  if (type != napi_function) FailType(env, std::string(name) + ": expected a function to call");
  env_ = env;
  Check(env, napi_create_reference(env, object, 0, &object_));
  Check(env, napi_create_reference(env, function, 0, &function_));
  napi_value text = nullptr;
  Check(env, napi_create_string_utf8(env, label, NAPI_AUTO_LENGTH, &text));
  Check(env, napi_async_init(env, nullptr, text, &context_));
}

void Callback::Hold(bool hold) noexcept {
  if (hold == held_ || env_ == nullptr) return;
  held_ = hold;
  for (napi_ref reference : {object_, function_}) {
    if (reference == nullptr) continue;
    if (hold) {
      napi_reference_ref(env_, reference, nullptr);
    } else {
      napi_reference_unref(env_, reference, nullptr);
    }
  }
}

void Callback::Call(size_t count, const napi_value* args) noexcept {
  napi_env env = env_;
  if (context_ == nullptr) return;
  napi_value object = nullptr;
  napi_value function = nullptr;
  napi_get_reference_value(env, object_, &object);
  napi_get_reference_value(env, function_, &function);
  if (object == nullptr || function == nullptr) return;
  napi_make_callback(env, context_, object, function, count, args, nullptr);
  bool thrown = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &thrown) == napi_ok && thrown &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok && !State::Ending(env)) {
    napi_fatal_exception(env, error);
  }
}

void Callback::Drop() noexcept {
  Hold(false);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  context_ = nullptr;
}

}  // namespace callgate
