// Two processes that block in sem_wait(3): POSIX semaphores in memory of shm_open(3).
#include "bare.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct slot {
  _Alignas(64) sem_t full;
  _Alignas(64) char bytes[MAX_BYTES];
};
static struct { struct slot request, reply; } *shared;

static void open_memory(void) {
  char name[64];
  snprintf(name, sizeof name, "/bare-shm-posix-%d", getpid());
  const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) fail("shm_open");
  shm_unlink(name);
  if (posix_fallocate(fd, 0, sizeof *shared) != 0) fail("posix_fallocate");
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) fail("mmap");
  close(fd);
  if (sem_init(&shared->request.full, 1, 0) != 0 || sem_init(&shared->reply.full, 1, 0) != 0) fail("sem_init");
}

static void give(struct slot *slot, size_t length) {
  memcpy(slot->bytes, mine, length);
  if (sem_post(&slot->full) != 0) fail("sem_post");
}

static void take(struct slot *slot, size_t length) {
  if (sem_wait(&slot->full) != 0) fail("sem_wait");
  memcpy(mine, slot->bytes, length);
}

static void serve(void) {
  for (;;) {
    take(&shared->request, request_bytes);
    give(&shared->reply, reply_bytes);
  }
}

static void call(uint32_t turn) {
  (void)turn;
  give(&shared->request, request_bytes);
  take(&shared->reply, reply_bytes);
}

const struct mechanism mechanism = {.open = open_memory, .serve = serve, .call = call};
