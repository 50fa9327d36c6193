#include "message-alarm.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/msg.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace callgate {
namespace {

constexpr size_t kStackBytes = 256 * 1024;
/** The queue is full, so its owner has something to receive; whether he does is looked at again after this time. */
constexpr int64_t kRetryNs = 2'000'000;

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

MessageAlarm::~MessageAlarm() {
  if (started_) {
    quit_.store(true);
    Wake();
    pthread_join(thread_, nullptr);
  }
  for (const int fd : fds_) close(fd);
  if (bell_ >= 0) close(bell_);
  pthread_mutex_destroy(&mutex_);
}

int MessageAlarm::Start() noexcept {
  bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell_ < 0) return errno;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::max(kStackBytes, static_cast<size_t>(PTHREAD_STACK_MIN)));
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread_, &attributes, Run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  started_ = error == 0;
  return error;
}

void MessageAlarm::Wake() noexcept { eventfd_write(bell_, 1); }

void MessageAlarm::Watch(std::vector<int> fds) noexcept {
  pthread_mutex_lock(&mutex_);
  fds_.swap(fds);
  rung_.store(false);
  pthread_mutex_unlock(&mutex_);
  // Only now: the thread may be polling the old ones, and looks at the new ones before it polls again.
  Wake();
  for (const int fd : fds) close(fd);
}

void MessageAlarm::Begin(int64_t deadline_ns) noexcept {
  waits_ = waits_ == UINT32_MAX ? 1 : waits_ + 1;
  deadline_.store(deadline_ns);
  waiting_.store(waits_);
  if (deadline_ns < planned_.load() || rung_.load()) Wake();
}

void* MessageAlarm::Run(void* self) {
  pthread_setname_np(pthread_self(), "callgate-alarm");
  static_cast<MessageAlarm*>(self)->Work();
  return nullptr;
}

void MessageAlarm::Work() noexcept {
  std::vector<pollfd> polled;
  uint32_t nudged = 0;
  int64_t retry = INT64_MAX;
  while (!quit_.load()) {
    const uint32_t wait = waiting_.load();
    const int64_t deadline = wait == 0 || wait == nudged ? INT64_MAX : deadline_.load();
    const int64_t until = std::min(deadline, retry);
    planned_.store(until);
    // Who began to wait in the meantime saw the old plan.
    if (wait != waiting_.load() || (wait != nudged && wait != 0 && deadline != deadline_.load())) continue;

    polled.assign(1, pollfd{bell_, POLLIN, 0});
    pthread_mutex_lock(&mutex_);
    // One that is readable stays so: it has been told of, until other ones take its place.
    if (!rung_.load()) {
      for (const int fd : fds_) polled.push_back(pollfd{fd, POLLIN, 0});
    }
    pthread_mutex_unlock(&mutex_);
    const int64_t left = until == INT64_MAX ? 0 : std::max<int64_t>(0, until - Now());
    const timespec timeout = {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    ppoll(polled.data(), polled.size(), until == INT64_MAX ? nullptr : &timeout, nullptr);

    const bool woken = (polled[0].revents & POLLIN) != 0;
    if (woken) {
      eventfd_t count;
      eventfd_read(bell_, &count);
    }
    for (size_t i = 1; i < polled.size(); i += 1) {
      // With the bell, they may have been exchanged: the new ones are polled first.
      if (polled[i].revents != 0 && !woken) rung_.store(true);
    }
    retry = INT64_MAX;
    const uint32_t now_waiting = waiting_.load();
    if (now_waiting == 0 || now_waiting == nudged) continue;
    if (!rung_.load() && Now() < deadline_.load()) continue;
    const struct {
      long type;
    } nudge = {kNudgeType};
    if (msgsnd(queue_, &nudge, 0, IPC_NOWAIT) == 0) {
      nudged = now_waiting;
    } else if (errno == EAGAIN) {
      retry = Now() + kRetryNs;
    } else if (errno != EINTR) {
      // The queue has gone, and with it every wait for it.
      nudged = now_waiting;
    } else {
      retry = Now();
    }
  }
}

}  // namespace callgate
