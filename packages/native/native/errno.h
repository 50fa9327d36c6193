// System errors as JavaScript errors, shaped as Node's own: `errno` (negative), `code`, `syscall`.
#pragma once
#include <node_api.h>

#include <string>

namespace callgate {

/** Unwinds native code after a JavaScript exception was raised. Carries nothing: the exception is pending in the environment. */
struct Raised {};

/**
 * Raises `<syscall> <subject>: <CODE> (<detail>)`. `detail` defaults to the system's words for `error` (a positive
 * errno); `subject`, such as a path, may be empty.
 */
[[noreturn]] void FailErrno(napi_env env, const char* syscall, int error, const std::string& subject = {},
                            const std::string& detail = {});
[[noreturn]] void FailType(napi_env env, const std::string& message);
[[noreturn]] void FailRange(napi_env env, const std::string& message);

/** For Node-API calls that fail only when memory runs out or the environment is ending. */
void Check(napi_env env, napi_status status);

}  // namespace callgate
