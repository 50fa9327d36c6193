// Reading arguments. Every mistake of the caller becomes a TypeError or RangeError here; nothing is trusted later.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "errno.h"
#include "state.h"

namespace callgate {

struct FdHandle;

/** Part of a Uint8Array's memory. Valid until JavaScript runs again. */
struct Bytes {
  uint8_t* data;
  size_t length;
};

/** The arguments of one call; missing ones are undefined. `name` is the function's, for messages. */
template <size_t N>
struct Call {
  napi_env env;
  State* state = nullptr;
  const char* name;
  size_t count = N;
  napi_value self = nullptr;
  napi_value args[N == 0 ? 1 : N];

  Call(napi_env e, napi_callback_info info, const char* n) : env(e), name(n) {
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, args, &self, &data);
    state = static_cast<State*>(data);
  }
};

/** Catches what the native code unwound with, so that no C++ exception leaves the addon. */
template <napi_value (*Body)(napi_env, napi_callback_info)>
napi_value Guarded(napi_env env, napi_callback_info info) {
  try {
    return Body(env, info);
  } catch (const Raised&) {
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

/** An Fd of this environment that is open; raises EBADF, without any system call, when it is closed. */
FdHandle& OpenFd(napi_env env, State& state, napi_value value, const char* name);

double Number(napi_env env, napi_value value, const char* name, const char* what);
/** An integer from `low` to `high`, both included. */
int64_t Integer(napi_env env, napi_value value, int64_t low, int64_t high, const char* name, const char* what);
std::string String(napi_env env, napi_value value, const char* name, const char* what);
/** `bytes[start, end)`, all within the array; an array whose buffer is detached has no bytes. */
Bytes ByteRange(napi_env env, napi_value array, napi_value start, napi_value end, const char* name);

inline napi_value Undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}
inline napi_value Int(napi_env env, int32_t number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}
inline napi_value Bool(napi_env env, bool truth) {
  napi_value value = nullptr;
  napi_get_boolean(env, truth, &value);
  return value;
}

}  // namespace callgate
