// Names of hosts. getaddrinfo(3) can't be told when to give up: it waits for as long as the resolver's configuration
// says, some tens of seconds where no name server answers. So a thread of its own asks, and who waits for it does so
// until a deadline, and then leaves it alone: it ends when the resolver does.
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "deadline.h"
#include "functions.h"

namespace callgate {
namespace {

/** What a resolver may need; of a stack only what is touched takes memory. */
constexpr size_t kStackBytes = 1024 * 1024;

/** A question, and what became of it. Shared by who asks and who looks: freed by whoever lets go last. */
struct LookUp {
  explicit LookUp(std::string host) : name(std::move(host)) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
  }
  ~LookUp() {
    pthread_cond_destroy(&changed);
    pthread_mutex_destroy(&mutex);
  }
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;

  const std::string name;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed;
  // Under the mutex.
  bool done = false;
  std::vector<std::string> hosts;
};

std::vector<std::string> Resolve(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<std::string> hosts;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return hosts;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    char host[NI_MAXHOST] = "";
    if (getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0)
      hosts.emplace_back(host);
  }
  freeaddrinfo(found);
  return hosts;
}

void* Work(void* argument) {
  const std::unique_ptr<std::shared_ptr<LookUp>> held(static_cast<std::shared_ptr<LookUp>*>(argument));
  LookUp& look_up = **held;
  pthread_setname_np(pthread_self(), "callgate-name");
  std::vector<std::string> hosts = Resolve(look_up.name);
  pthread_mutex_lock(&look_up.mutex);
  look_up.hosts = std::move(hosts);
  look_up.done = true;
  pthread_cond_signal(&look_up.changed);
  pthread_mutex_unlock(&look_up.mutex);
  return nullptr;
}

/** Node unloads an addon with the last environment that uses it; a thread that was left alone may run on for longer. */
void StayLoaded() {
  static const bool stays = [] {
    Dl_info self;
    return dladdr(reinterpret_cast<void*>(&Work), &self) != 0 &&
           dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
  }();
  static_cast<void>(stays);
}

void Start(napi_env env, const std::shared_ptr<LookUp>& look_up) {
  StayLoaded();
  auto argument = std::make_unique<std::shared_ptr<LookUp>>(look_up);
  // It takes no signal: the process's signals are for threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::max(kStackBytes, static_cast<size_t>(PTHREAD_STACK_MIN)));
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &attributes, Work, argument.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) FailErrno(env, "pthread_create", error, {}, "no thread could be made to look up a name");
  argument.release();
}

timespec InstantIn(int64_t ns) {
  const int64_t at = NowNs() + ns;
  return {static_cast<time_t>(at / 1'000'000'000), static_cast<long>(at % 1'000'000'000)};
}

}  // namespace

// lookUpHost(name, timeoutMs)
napi_value LookUpHost(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "getaddrinfo");
  const auto look_up = std::make_shared<LookUp>(String(env, call.args[0], call.name, "the host"));
  const Deadline deadline(env, call.args[1], call.name);
  Start(env, look_up);
  pthread_mutex_lock(&look_up->mutex);
  while (!look_up->done) {
    const int64_t left = deadline.LeftNs();
    if (left == 0) break;
    const bool sliced = left > kWorkerSliceNs && (call.state->is_worker || left == kNever);
    const timespec until = InstantIn(sliced ? kWorkerSliceNs : left);
    pthread_cond_timedwait(&look_up->changed, &look_up->mutex, &until);
    if (look_up->done || !call.state->is_worker) continue;
    pthread_mutex_unlock(&look_up->mutex);
    if (State::Ending(env)) return nullptr;
    pthread_mutex_lock(&look_up->mutex);
  }
  const bool done = look_up->done;
  const std::vector<std::string> hosts = std::move(look_up->hosts);
  pthread_mutex_unlock(&look_up->mutex);
  napi_value array = nullptr;
  if (!done) {
    Check(env, napi_get_null(env, &array));
    return array;
  }
  Check(env, napi_create_array(env, &array));
  uint32_t count = 0;
  for (const std::string& host : hosts) {
    napi_value text = nullptr;
    Check(env, napi_create_string_utf8(env, host.c_str(), host.size(), &text));
    napi_set_element(env, array, count++, text);
  }
  return array;
}

}  // namespace callgate
