#include "fd.h"

#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "watcher.h"

namespace callgate {

void FdHandle::Close(napi_env env) noexcept {
  if (number < 0) return;
  if (watcher != nullptr) watcher->Close(env);
  // Linux frees the number even when close(2) fails or is interrupted: trying again could hit somebody else's.
  close(number);
  number = -1;
}

bool FdHandle::IsSocket() {
  if (type == FdType::kUnknown) {
    struct stat found;
    type = fstat(number, &found) == 0 && S_ISSOCK(found.st_mode) ? FdType::kSocket : FdType::kOther;
  }
  return type == FdType::kSocket;
}

napi_value NewFd(napi_env env, State& state, int fd, FdType type) {
  return state.Wrap(env, std::make_unique<FdHandle>(state, fd, type));
}

namespace {

FdHandle& Self(napi_env env, const Call<0>& call) {
  Handle* handle = call.state->Find(env, call.self, Kind::kFd);
  if (handle == nullptr) FailType(env, "not an Fd");
  return *static_cast<FdHandle*>(handle);
}

napi_value Value(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "value");
  return Int(env, Self(env, call).number);
}

napi_value Close(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  Self(env, call).Close(env);
  return Undefined(env);
}

}  // namespace

void DefineFd(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"value", nullptr, nullptr, Guarded<Value>, nullptr, nullptr, napi_enumerable, &state},
      {"close", nullptr, Guarded<Close>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kFd, "Fd", 2, properties);
}

}  // namespace callgate
