#include "blocker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <time.h>

#include <algorithm>

#include "errno.h"

namespace callgate {
namespace {

/** glibc takes thread-local storage out of it too. Of a stack only what is touched takes memory. */
constexpr size_t kStackBytes = 256 * 1024;
/** How long to give an interrupted call to return before it is interrupted again: it may not have begun when it was. */
constexpr long kPatienceNs = 1'000'000;

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
int g_threads = 0;
int g_signal = 0;

void DoNothing(int) {}

/** Finds a signal without a handler, from the last real-time one down, and gives it one that does nothing. */
int TakeSignal() {
  for (int number = SIGRTMAX; number >= SIGRTMIN; number -= 1) {
    struct sigaction found;
    if (sigaction(number, nullptr, &found) != 0 || found.sa_handler != SIG_DFL) continue;
    struct sigaction ours = {};
    ours.sa_handler = DoNothing;
    // Without SA_RESTART, with which sem_wait would go on by itself.
    if (sigaction(number, &ours, nullptr) == 0) return number;
  }
  return 0;
}

/** The handler must not outlive the addon, which Node unloads with the last thread that uses it. */
void GiveBackSignal() {
  struct sigaction found;
  if (sigaction(g_signal, nullptr, &found) == 0 && found.sa_handler == DoNothing) signal(g_signal, SIG_DFL);
  g_signal = 0;
}

/** Zero, or an errno. */
int Enter() {
  pthread_mutex_lock(&g_mutex);
  if (g_threads == 0) g_signal = TakeSignal();
  const bool possible = g_signal != 0;
  if (possible) g_threads += 1;
  pthread_mutex_unlock(&g_mutex);
  return possible ? 0 : EAGAIN;
}

void Leave() {
  pthread_mutex_lock(&g_mutex);
  g_threads -= 1;
  if (g_threads == 0) GiveBackSignal();
  pthread_mutex_unlock(&g_mutex);
}

}  // namespace

Blocker::~Blocker() {
  pthread_cond_destroy(&changed_);
  pthread_mutex_destroy(&mutex_);
}

Blocker* Blocker::Start(napi_env env, State& state, Client& client) {
  uv_loop_t* loop = nullptr;
  Check(env, napi_get_uv_event_loop(env, &loop));
  int error = Enter();
  if (error != 0) FailErrno(env, "sigaction", error, {}, "every real-time signal of this process is in use");
  auto* blocker = new Blocker(state, client);
  const int status = uv_async_init(loop, &blocker->async_, [](uv_async_t* async) {
    auto* self = static_cast<Blocker*>(async->data);
    if (self->client_ != nullptr) self->client_->Returned();
  });
  if (status != 0) {
    delete blocker;
    Leave();
    FailErrno(env, "uv_async_init", -status);
  }
  blocker->async_.data = blocker;
  uv_unref(reinterpret_cast<uv_handle_t*>(&blocker->async_));
  state.loop_handles_open += 1;

  // The thread takes no signal but its own: the process's signals are for threads that expect them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, g_signal);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::max(kStackBytes, static_cast<size_t>(PTHREAD_STACK_MIN)));
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&blocker->thread_, &attributes, Run, blocker);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    blocker->client_ = nullptr;
    blocker->quit_ = true;
    blocker->Close();
    FailErrno(env, "pthread_create", error, {}, "no thread could be made to wait on behalf of the event loop");
  }
  return blocker;
}

void* Blocker::Run(void* self) {
  pthread_setname_np(pthread_self(), "callgate-wait");
  static_cast<Blocker*>(self)->Work();
  return nullptr;
}

void Blocker::Work() {
  pthread_mutex_lock(&mutex_);
  while (!quit_) {
    if (!armed_) {
      pthread_cond_wait(&changed_, &mutex_);
      continue;
    }
    blocking_ = true;
    pthread_mutex_unlock(&mutex_);
    const Next next = client_->Block(cancelled_);
    pthread_mutex_lock(&mutex_);
    blocking_ = false;
    if (next == Next::kPause || cancelled_) armed_ = false;
    if (cancelled_) pthread_cond_broadcast(&changed_);
    uv_async_send(&async_);
  }
  pthread_mutex_unlock(&mutex_);
}

void Blocker::Arm() noexcept {
  pthread_mutex_lock(&mutex_);
  if (!armed_) {
    armed_ = true;
    pthread_cond_signal(&changed_);
  }
  pthread_mutex_unlock(&mutex_);
}

void Blocker::Cancel() noexcept {
  pthread_mutex_lock(&mutex_);
  armed_ = false;
  cancelled_ = true;
  while (blocking_) {
    pthread_kill(thread_, g_signal);
    timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += kPatienceNs;
    if (until.tv_nsec >= 1'000'000'000) {
      until.tv_sec += 1;
      until.tv_nsec -= 1'000'000'000;
    }
    pthread_cond_timedwait(&changed_, &mutex_, &until);
  }
  armed_ = false;
  cancelled_ = false;
  pthread_mutex_unlock(&mutex_);
}

void Blocker::Ref() noexcept { uv_ref(reinterpret_cast<uv_handle_t*>(&async_)); }

void Blocker::Unref() noexcept { uv_unref(reinterpret_cast<uv_handle_t*>(&async_)); }

void Blocker::Close() noexcept {
  if (client_ != nullptr) {
    Cancel();
    pthread_mutex_lock(&mutex_);
    quit_ = true;
    pthread_cond_signal(&changed_);
    pthread_mutex_unlock(&mutex_);
    pthread_join(thread_, nullptr);
    client_ = nullptr;
  }
  Leave();
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), [](uv_handle_t* handle) {
    auto* self = static_cast<Blocker*>(handle->data);
    const std::shared_ptr<State> state = self->state_;
    delete self;
    state->LoopHandleGone();
  });
}

int Blocker::Count() noexcept {
  pthread_mutex_lock(&g_mutex);
  const int count = g_threads;
  pthread_mutex_unlock(&g_mutex);
  return count;
}

int Blocker::Signal() noexcept {
  pthread_mutex_lock(&g_mutex);
  const int number = g_signal;
  pthread_mutex_unlock(&g_mutex);
  return number;
}

}  // namespace callgate
