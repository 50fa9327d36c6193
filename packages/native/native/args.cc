#include "args.h"

#include <errno.h>

#include <cmath>

#include "fd.h"

namespace callgate {

FdHandle& OpenFd(napi_env env, State& state, napi_value value, const char* name) {
  Handle* handle = state.Find(env, value, Kind::kFd);
  if (handle == nullptr) FailType(env, std::string(name) + ": expected an Fd that this thread's addon made");
  auto& fd = *static_cast<FdHandle*>(handle);
  if (fd.number < 0) FailErrno(env, name, EBADF, {}, "the descriptor is closed");
  return fd;
}

double Number(napi_env env, napi_value value, const char* name, const char* what) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    FailType(env, std::string(name) + ": " + what + " must be a number");
  }
  return number;
}

int64_t Integer(napi_env env, napi_value value, int64_t low, int64_t high, const char* name, const char* what) {
  const double number = Number(env, value, name, what);
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) || number != std::floor(number)) {
    FailRange(env, std::string(name) + ": " + what + " must be an integer from " + std::to_string(low) + " to " +
                       std::to_string(high));
  }
  return static_cast<int64_t>(number);
}

std::string String(napi_env env, napi_value value, const char* name, const char* what) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    FailType(env, std::string(name) + ": " + what + " must be a string");
  }
  std::string text(length, '\0');
  Check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  if (text.find('\0') != std::string::npos) {
    FailErrno(env, name, EINVAL, {}, std::string(what) + " contains a NUL byte");
  }
  return text;
}

Bytes ByteRange(napi_env env, napi_value array, napi_value start, napi_value end, const char* name) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  const napi_status status = napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) {
    FailType(env, std::string(name) + ": bytes must be a Uint8Array");
  }
  const double from = Number(env, start, name, "start");
  const double to = Number(env, end, name, "end");
  // A NaN or a fraction fails one of these too; the length is at most 2^53, so the conversions are exact.
  if (!(from >= 0 && from <= to && to <= static_cast<double>(length)) || from != std::floor(from) ||
      to != std::floor(to)) {
    FailRange(env, std::string(name) + ": start and end must be integers with 0 <= start <= end <= " +
                       std::to_string(length) + (length == 0 ? " (the array is empty, or its buffer detached)" : ""));
  }
  return {static_cast<uint8_t*>(data) + static_cast<size_t>(from), static_cast<size_t>(to - from)};
}

}  // namespace callgate
