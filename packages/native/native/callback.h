// Calling JavaScript from the event loop, for handles that stay referred to while something may still come.
#pragma once
#include <node_api.h>

namespace callgate {

/** A function to be called with its object as `this`. Both may be collected unless `Hold(true)`. On the environment's thread only. */
class Callback {
 public:
  ~Callback();
  /** Raises a TypeError when `function` is none. `label` is what async_hooks see. Keep `function` alive as a property of `object`. */
  void Set(napi_env env, napi_value object, napi_value function, const char* label, const char* name);
  /** Whether object and function must not be collected. */
  void Hold(bool hold) noexcept;
  /**
   * Calls it, with microtasks afterwards as for Node's own events. What it throws becomes an uncaughtException. Keeps
   * the object's native side alive until it returns, whatever the function does. Needs an open handle scope.
   */
  void Call(size_t count, const napi_value* args) noexcept;
  /** Never calls again. */
  void Drop() noexcept;

 private:
  napi_env env_ = nullptr;
  napi_ref object_ = nullptr;
  napi_ref function_ = nullptr;
  napi_async_context context_ = nullptr;
  bool held_ = false;
};

}  // namespace callgate
