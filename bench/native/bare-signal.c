// One process that queues real-time signals, and one that takes them in sigwaitinfo(2). One way: a call is over when the
// kernel has the signal, as an awaited one-way call is.
#include "bare.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile pid_t *receiver;
static sigset_t set;

static void open_queue(void) {
  receiver = mmap(NULL, sizeof *receiver, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (receiver == MAP_FAILED) fail("mmap");
  // Before the fork: the default action of one that comes early would end the receiver.
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) fail("sigprocmask");
}

static void serve(void) {
  *receiver = getpid();
  for (;;)
    if (sigwaitinfo(&set, NULL) < 0 && errno != EINTR) fail("sigwaitinfo");
}

static void call(uint32_t turn) {
  while (*receiver == 0) sched_yield();
  // Full: as many wait as RLIMIT_SIGPENDING allows.
  while (sigqueue(*receiver, SIGRTMIN, (union sigval){.sival_int = (int)turn}) != 0) {
    if (errno != EAGAIN) fail("sigqueue");
    sched_yield();
  }
}

const struct mechanism mechanism = {.open = open_queue, .serve = serve, .call = call};
