#include "fd.h"

#include <fcntl.h>
#include <sys/socket.h>
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

FdType FdHandle::Type() {
  if (type == FdType::kUnknown) {
    struct stat found;
    if (fstat(number, &found) != 0) found.st_mode = 0;
    type = S_ISSOCK(found.st_mode) ? FdType::kSocket : S_ISFIFO(found.st_mode) ? FdType::kPipe : FdType::kOther;
  }
  return type;
}

bool FdHandle::IsUnix() {
  socklen_t length = sizeof domain;
  if (domain < 0 && getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) domain = AF_UNSPEC;
  return domain == AF_UNIX;
}

bool FdHandle::LetBlock(bool block) {
  if (blocks == block) return true;
  const int flags = fcntl(number, F_GETFL);
  if (flags < 0 || fcntl(number, F_SETFL, block ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0) return false;
  blocks = block;
  return true;
}

bool FdHandle::LimitReads(int64_t milliseconds) {
  if (reads_limited_to == milliseconds) return true;
  const timeval limit = {static_cast<time_t>(milliseconds / 1000), static_cast<suseconds_t>(milliseconds % 1000 * 1000)};
  if (setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) return false;
  reads_limited_to = milliseconds;
  return true;
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

napi_value Detach(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "detach");
  FdHandle& fd = Self(env, call);
  const int number = fd.number;
  if (fd.watcher != nullptr) fd.watcher->Close(env);
  fd.number = -1;
  return Int(env, number);
}

/** Symbol.dispose; null where JavaScript does not have it. */
napi_value DisposeSymbol(napi_env env) {
  napi_value global = nullptr;
  napi_value symbols = nullptr;
  napi_value dispose = nullptr;
  napi_valuetype type = napi_undefined;
  Check(env, napi_get_global(env, &global));
  Check(env, napi_get_named_property(env, global, "Symbol", &symbols));
  Check(env, napi_get_named_property(env, symbols, "dispose", &dispose));
  Check(env, napi_typeof(env, dispose, &type));
  return type == napi_symbol ? dispose : nullptr;
}

}  // namespace

void DefineFd(napi_env env, State& state) {
  napi_value dispose = DisposeSymbol(env);
  const napi_property_descriptor properties[] = {
      {"value", nullptr, nullptr, Guarded<Value>, nullptr, nullptr, napi_enumerable, &state},
      {"close", nullptr, Guarded<Close>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {"detach", nullptr, Guarded<Detach>, nullptr, nullptr, nullptr, napi_default_method, &state},
      {nullptr, dispose, Guarded<Close>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kFd, "Fd", dispose == nullptr ? 3 : 4, properties);
}

}  // namespace callgate
