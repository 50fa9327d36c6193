#include "errno.h"

#include <errno.h>
#include <uv.h>

namespace callgate {
namespace {

// What System V IPC and robust locks report, and libuv has no name for.
const char* NameBeyondLibuv(int error) {
  switch (error) {
    case EDEADLK: return "EDEADLK";
    case EIDRM: return "EIDRM";
    case ENOMSG: return "ENOMSG";
    case EOWNERDEAD: return "EOWNERDEAD";
    case ENOTRECOVERABLE: return "ENOTRECOVERABLE";
    case ENOTTY: return "ENOTTY";
    default: return nullptr;
  }
}

std::string NameOf(int error) {
  if (const char* name = NameBeyondLibuv(error)) return name;
  char text[80];
  uv_err_name_r(-error, text, sizeof text);
  return text[0] == 'E' ? text : "E" + std::to_string(error);
}

std::string WordsOf(int error) {
  char text[120];
  uv_strerror_r(-error, text, sizeof text);
  return text;
}

// Statuses are ignored here on purpose: while an environment ends, raising may be impossible and is not needed.
void Set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

napi_value Text(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

}  // namespace

void FailErrno(napi_env env, const char* syscall, int error, const std::string& subject, const std::string& detail) {
  const std::string name = NameOf(error);
  const std::string message = std::string(syscall) + (subject.empty() ? "" : " " + subject) + ": " + name + " (" +
                              (detail.empty() ? WordsOf(error) : detail) + ")";
  napi_value code = Text(env, name);
  napi_value thrown = nullptr;
  if (napi_create_error(env, code, Text(env, message), &thrown) == napi_ok) {
    napi_value number = nullptr;
    napi_create_int32(env, -error, &number);
    Set(env, thrown, "errno", number);
    Set(env, thrown, "syscall", Text(env, syscall));
    napi_throw(env, thrown);
  }
  throw Raised{};
}

void FailType(napi_env env, const std::string& message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message.c_str());
  throw Raised{};
}

void FailRange(napi_env env, const std::string& message) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message.c_str());
  throw Raised{};
}

void Check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    const napi_extended_error_info* info = nullptr;
    napi_get_last_error_info(env, &info);
    const char* words = info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API failed";
    napi_throw_error(env, nullptr, words);
  }
  throw Raised{};
}

}  // namespace callgate
