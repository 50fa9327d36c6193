// Two processes and the simple IPC: a slot of 500 bytes each way, a status word each, and polling.
#include "bare.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { EMPTY, FULL };
enum { MESSAGE_BYTES = 500, SPINS_BEFORE_YIELD = 1 << 12 };

struct slot {
  _Atomic uint32_t status;
  uint32_t length;
  char message[MESSAGE_BYTES + 4];
};
static struct { struct slot request, reply; } *shared;

static void map(void) {
  if (request_bytes > MESSAGE_BYTES || reply_bytes > MESSAGE_BYTES) {
    fprintf(stderr, "a slot has %d bytes\n", MESSAGE_BYTES);
    exit(1);
  }
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
}

static void await_status(struct slot *slot, uint32_t status) {
  for (int spins = 0; atomic_load_explicit(&slot->status, memory_order_acquire) != status; spins++) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (spins == SPINS_BEFORE_YIELD) {  // with a single processor, the peer could not run otherwise
      sched_yield();
      spins = 0;
    }
  }
}

static void put(struct slot *slot, size_t bytes) {
  await_status(slot, EMPTY);
  memcpy(slot->message, mine, bytes);
  slot->length = (uint32_t)bytes;
  atomic_store_explicit(&slot->status, FULL, memory_order_release);
}

static void take(struct slot *slot) {
  await_status(slot, FULL);
  memcpy(mine, slot->message, slot->length);
  atomic_store_explicit(&slot->status, EMPTY, memory_order_release);
}

static void serve(void) {
  for (;;) {
    take(&shared->request);
    put(&shared->reply, reply_bytes);
  }
}

static void call(uint32_t turn) {
  (void)turn;
  put(&shared->request, request_bytes);
  take(&shared->reply);
}

const struct mechanism mechanism = {.open = map, .serve = serve, .call = call};
