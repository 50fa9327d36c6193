// Two processes that spin on shared memory.
#include "bare.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

enum { SPINS_BEFORE_YIELD = 1 << 12 };

// One direction: the writer raises `turn` after the bytes are in place. The turn has a cache line of its own.
struct slot {
  _Alignas(64) _Atomic uint32_t turn;
  _Alignas(64) char bytes[MAX_BYTES];
};
static struct { struct slot request, reply; } *shared;

static void map(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
}

static void await_turn(struct slot *slot, uint32_t turn) {
  for (int spins = 0; atomic_load_explicit(&slot->turn, memory_order_acquire) != turn; spins++) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (spins == SPINS_BEFORE_YIELD) {  // with a single processor, the peer could not run otherwise
      sched_yield();
      spins = 0;
    }
  }
}

static void serve(void) {
  for (uint32_t turn = 1;; turn++) {
    await_turn(&shared->request, turn);
    memcpy(mine, shared->request.bytes, request_bytes);
    memcpy(shared->reply.bytes, mine, reply_bytes);
    atomic_store_explicit(&shared->reply.turn, turn, memory_order_release);
  }
}

static void call(uint32_t turn) {
  memcpy(shared->request.bytes, mine, request_bytes);
  atomic_store_explicit(&shared->request.turn, turn, memory_order_release);
  await_turn(&shared->reply, turn);
  memcpy(mine, shared->reply.bytes, reply_bytes);
}

const struct mechanism mechanism = {.open = map, .serve = serve, .call = call};
