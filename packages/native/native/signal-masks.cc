#include "signal-masks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>

namespace callgate {
namespace {

/** How long threads may take to answer; one that is stopped by a debugger does not. */
constexpr int64_t kPatienceNs = 1'000'000'000;
constexpr int64_t kAskAgainNs = 50'000'000;
constexpr int64_t kLookAgainNs = 50'000;

constexpr uint64_t Bit(int number) { return uint64_t{1} << (number - 1); }

// What the handlers read: signal number n is bit n-1, as in /proc/<pid>/status.
std::atomic<uint64_t> g_taken{0};
/** Taken once and given back: to be unblocked. */
std::atomic<uint64_t> g_given_back{0};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "signal handlers use these");

std::mutex g_lock;
// The rest is touched under the lock only.
struct sigaction g_before[65];
/** The signal that asks a thread to change its mask; 0 while there is none. */
int g_control = 0;
/** A thread that did not answer may still have the control signal before it: it keeps its handler then. */
bool g_control_lost = false;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void SleepNs(int64_t ns) {
  const timespec pause = {0, static_cast<long>(ns)};
  nanosleep(&pause, nullptr);
}

/** The mask that a thread is to have. */
uint64_t Wanted(uint64_t mask) { return (mask | g_taken.load()) & ~g_given_back.load(); }

void SetMask(sigset_t* set, uint64_t mask, uint64_t before) {
  for (int number = 1; number <= 64; number += 1) {
    if (((mask ^ before) & Bit(number)) == 0) continue;
    if ((mask & Bit(number)) != 0) {
      sigaddset(set, number);
    } else {
      sigdelset(set, number);
    }
  }
}

uint64_t MaskOf(const sigset_t* set) {
  uint64_t mask = 0;
  for (int number = 1; number <= 64; number += 1) {
    if (sigismember(set, number) == 1) mask |= Bit(number);
  }
  return mask;
}

/** Handler, on the asked thread: what it writes into the context becomes the thread's mask when it returns. */
void OnControl(int, siginfo_t* info, void* context) {
  if (info->si_code != SI_TKILL || info->si_pid != getpid()) return;
  sigset_t* set = &static_cast<ucontext_t*>(context)->uc_sigmask;
  const uint64_t before = MaskOf(set);
  SetMask(set, Wanted(before), before);
}

/** Handler, on a thread that does not block a taken signal, although all were asked to. */
void OnStray(int number, siginfo_t* info, void* context) {
  const int error = errno;
  if ((g_taken.load() & Bit(number)) != 0) {
    sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, number);
    if (syscall(SYS_rt_sigqueueinfo, getpid(), number, info) != 0 && errno == EPERM) {
      // Only the main thread may queue what kill(2) sent; from others it comes as sigqueue(3) would have sent it.
      info->si_code = SI_QUEUE;
      info->si_value.sival_ptr = nullptr;
      syscall(SYS_rt_sigqueueinfo, getpid(), number, info);
    }
  }
  errno = error;
}

/** The mask of a thread of this process, from /proc; false when it has gone. */
bool MaskOfThread(const char* tid, uint64_t* mask) {
  char path[288];
  snprintf(path, sizeof path, "/proc/self/task/%s/status", tid);
  FILE* file = fopen(path, "re");
  if (file == nullptr) return false;
  char line[256];
  bool found = false;
  while (!found && fgets(line, sizeof line, file) != nullptr) {
    if (strncmp(line, "SigBlk:", 7) != 0) continue;
    *mask = strtoull(line + 7, nullptr, 16);
    found = true;
  }
  fclose(file);
  return found;
}

/** Asks every other thread whose mask is not as wanted. True when none was left to ask. */
bool AskOthers(std::map<pid_t, int64_t>& asked) {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return false;
  const auto self = static_cast<pid_t>(syscall(SYS_gettid));
  bool done = true;
  while (const dirent* entry = readdir(tasks)) {
    const pid_t tid = atoi(entry->d_name);
    uint64_t mask = 0;
    if (tid <= 0 || tid == self || !MaskOfThread(entry->d_name, &mask)) continue;
    // Who blocks everything keeps away from all signals, and would have this one waiting for ever.
    if ((mask & Bit(g_control)) != 0 || Wanted(mask) == mask) continue;
    done = false;
    int64_t& last = asked[tid];
    const int64_t now = NowNs();
    if (last != 0 && now - last < kAskAgainNs) continue;
    last = now;
    syscall(SYS_tgkill, getpid(), tid, g_control);
  }
  closedir(tasks);
  return done;
}

/** Gives all threads the mask that they are to have. False when one does not answer. */
bool Align() {
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  const uint64_t before = MaskOf(&own);
  SetMask(&own, Wanted(before), before);
  pthread_sigmask(SIG_SETMASK, &own, nullptr);

  std::map<pid_t, int64_t> asked;
  // Twice: a thread that one made while it was still to be asked may have been missed at the first look.
  int clean = 0;
  for (const int64_t until = NowNs() + kPatienceNs; clean < 2;) {
    if (AskOthers(asked)) {
      clean += 1;
    } else if (NowNs() > until) {
      g_control_lost = true;
      return false;
    } else {
      clean = 0;
      SleepNs(kLookAgainNs);
    }
  }
  return true;
}

bool IsFree(int number) {
  struct sigaction found;
  return sigaction(number, nullptr, &found) == 0 && (found.sa_flags & SA_SIGINFO) == 0 && found.sa_handler == SIG_DFL;
}

void Handle(int number, void (*handler)(int, siginfo_t*, void*), struct sigaction* before) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  // ONSTACK: threads of other languages may have small stacks. RESTART: calls that are under way go on.
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigaction(number, &action, before);
}

/** Finds a signal for asking threads: the last free one, far from those that people count from the first. */
bool ReserveControl(const std::vector<int>& wanted) {
  if (g_control != 0) return true;
  for (int number = SIGRTMAX; number >= SIGRTMIN; number -= 1) {
    bool free = IsFree(number) && (g_taken.load() & Bit(number)) == 0;
    for (const int other : wanted) free = free && other != number;
    if (!free) continue;
    g_control = number;
    Handle(number, OnControl, &g_before[number]);
    return true;
  }
  return false;
}

void ReleaseControl() {
  if (g_taken.load() != 0 || g_control_lost) return;
  sigaction(g_control, &g_before[g_control], nullptr);
  g_control = 0;
}

bool IsOurs(int number) {
  struct sigaction found;
  return sigaction(number, nullptr, &found) == 0 && (found.sa_flags & SA_SIGINFO) != 0 && found.sa_sigaction == OnStray;
}

void Ignore(int number) {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  sigaction(number, &action, nullptr);
}

void Release(const std::vector<int>& numbers, bool quiet) {
  uint64_t bits = 0;
  for (const int number : numbers) {
    bits |= Bit(number);
    // Ignoring a signal drops those that wait. Whoever has put a handler of his own in our place keeps it.
    if (IsOurs(number)) Ignore(number);
  }
  g_given_back.fetch_or(bits);
  g_taken.fetch_and(~bits);
  const bool aligned = Align();
  for (const int number : numbers) {
    struct sigaction found;
    sigaction(number, nullptr, &found);
    if (quiet && aligned && found.sa_handler == SIG_IGN) sigaction(number, &g_before[number], nullptr);
  }
  ReleaseControl();
}

}  // namespace

bool MayBeTaken(int number) {
  if (number >= SIGRTMIN && number <= SIGRTMAX) return true;
  return number == SIGHUP || number == SIGUSR2 || number == SIGURG || number == SIGWINCH;
}

int TakeSignals(const std::vector<int>& numbers, int* which, std::string* why) {
  const std::lock_guard<std::mutex> guard(g_lock);
  uint64_t bits = 0;
  for (const int number : numbers) {
    struct sigaction found;
    *which = number;
    *why = {};
    if (sigaction(number, nullptr, &found) != 0) return errno;
    const bool taken = ((g_taken.load() | bits) & Bit(number)) != 0;
    const bool handled = (found.sa_flags & SA_SIGINFO) != 0 || (found.sa_handler != SIG_DFL && found.sa_handler != SIG_IGN);
    if (taken) {
      *why = "this process receives it already";
    } else if (number == g_control) {
      *why = "this process uses it to reach its threads";
    } else if (handled) {
      *why = "this process has a handler for it";
    }
    if (!why->empty()) return EBUSY;
    bits |= Bit(number);
  }
  if (!ReserveControl(numbers)) {
    *which = SIGRTMAX;
    *why = "no real-time signal is left to reach the threads with";
    return EBUSY;
  }
  // Node has unblocked all signals and put all dispositions to their defaults when it began.
  for (const int number : numbers) Handle(number, OnStray, &g_before[number]);
  g_given_back.fetch_and(~bits);
  g_taken.fetch_or(bits);
  if (Align()) return 0;
  *why = "a thread of this process does not answer";
  Release(numbers, true);
  return ETIMEDOUT;
}

void GiveSignalsBack(const std::vector<int>& numbers, bool quiet) {
  const std::lock_guard<std::mutex> guard(g_lock);
  Release(numbers, quiet);
}

}  // namespace callgate
