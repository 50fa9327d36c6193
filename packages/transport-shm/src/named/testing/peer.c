// A client of shm+posix: or shm+sysv: in C, with nothing but the C library: meets the server, sends one message and
// prints what comes back. Written from named/layout.ts, native/bell.cc and transport/ring/layout.ts.
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

typedef _Atomic uint32_t word;
struct end {
  word rung, blocked, parked, gone, processor;
  _Alignas(64) sem_t thread;
  _Alignas(64) sem_t loop;
  char rest[64];
};
enum { BELL = 2048, SLOTS = 4096, SLOT = 512, ASKED = 1, ACCEPTED = 3, DATA = 4096 };

static int posix;

static void check(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static void post(char *memory, int set, int end, int loop) {
  struct end *of = (struct end *)(memory + BELL) + end;
  struct sembuf up = {.sem_num = 2 * end + loop, .sem_op = 1};
  if (posix) check(sem_post(loop ? &of->loop : &of->thread) == 0, "sem_post");
  else check(semop(set, &up, 1) == 0, "semop");
}

static void ring(char *memory, int set) {  // the other end, 1
  struct end *peer = (struct end *)(memory + BELL) + 1;
  atomic_store(&peer->rung, 1);
  if (atomic_exchange(&peer->blocked, 0)) post(memory, set, 1, 0);
  else if (atomic_exchange(&peer->parked, 0)) post(memory, set, 1, 1);
}

static void wait_rung(char *memory, int set) {
  struct end *own = (struct end *)(memory + BELL);
  struct sembuf down = {.sem_num = 0, .sem_op = -1};
  atomic_store(&own->blocked, 1);
  if (atomic_exchange(&own->rung, 0) == 0) {
    if (posix) check(sem_wait(&own->thread) == 0, "sem_wait");
    else check(semop(set, &down, 1) == 0, "semop");
  }
  atomic_store(&own->blocked, 0);
  atomic_store(&own->rung, 0);
}

static char *map_object(const char *name, int flags, size_t bytes) {
  const int fd = shm_open(name, O_RDWR | flags, 0600);
  check(fd >= 0, name);
  struct stat found;
  if (flags) check(posix_fallocate(fd, 0, bytes) == 0, "posix_fallocate");
  check(fstat(fd, &found) == 0, "fstat");
  char *memory = mmap(NULL, found.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(memory != MAP_FAILED, "mmap");
  close(fd);
  return memory;
}

int main(int count, char **args) {
  check(count == 4, "usage: peer posix|sysv <name or key> <text>");
  posix = strcmp(args[1], "posix") == 0;
  const char *text = args[3];
  char name[300];
  int place_set = -1, set = -1;
  int32_t memory_id = getpid();
  char *place;
  if (posix) {
    snprintf(name, sizeof name, "/callgate-%s", args[2]);
    place = map_object(name, 0, 0);
  } else {
    const key_t key = atoi(args[2]);
    place = shmat(shmget(key, 0, 0), NULL, 0);
    check(place != (void *)-1, "shmat");
    place_set = semget(key, 0, 0);
    check(place_set >= 0, "semget");
  }
  int32_t *about = (int32_t *)place;
  const uint32_t ring_bytes = about[2];
  const size_t bytes = 4096 + 2 * (size_t)ring_bytes;

  word *slot = (word *)(place + SLOTS);  // the first that is free
  for (uint32_t none = 0; !atomic_compare_exchange_strong(slot, &none, getpid()); none = 0) slot += SLOT / 4;

  char *memory;
  if (posix) {
    snprintf(name, sizeof name, "/callgate-%s+%d", args[2], memory_id);
    memory = map_object(name, O_CREAT | O_EXCL, bytes);
    for (int end = 0; end < 2; end++) {
      struct end *of = (struct end *)(memory + BELL) + end;
      sem_init(&of->thread, 1, 0);
      sem_init(&of->loop, 1, 0);
    }
  } else {
    memory_id = shmget(IPC_PRIVATE, bytes, 0600 | IPC_CREAT);
    memory = shmat(memory_id, NULL, 0);
    check(memory != (void *)-1, "shmat");
    set = semget(IPC_PRIVATE, 4, 0600 | IPC_CREAT);
    check(set >= 0, "semget");
  }
  memcpy(memory, (uint32_t[]){0x47524743, 1, ring_bytes}, 12);

  unsigned long long start = 0;  // field 22 of /proc/self/stat; the name, field 2, has no space here
  FILE *stat = fopen("/proc/self/stat", "r");
  check(stat != NULL, "fopen");
  for (int field = 1; field < 22; field++) check(fscanf(stat, "%*s") == 0, "fscanf");
  check(fscanf(stat, "%llu", &start) == 1, "fscanf");
  fclose(stat);
  slot[2] = (uint32_t)start;
  slot[3] = (uint32_t)(start >> 32);
  slot[4] = memory_id;
  slot[5] = posix ? 0 : set;
  atomic_store(&slot[1], ASKED);
  ring(place, place_set);
  while (atomic_load(&slot[1]) < ACCEPTED) wait_rung(memory, set);
  check(atomic_load(&slot[1]) == ACCEPTED, "the server refused");
  atomic_store(&slot[1], 0);
  atomic_store(slot, 0);

  // Ring 0 is ours: its control block is at 128, that of the peer's at 640; tail, head, and who sleeps, 128 apart.
  word *ours = (word *)(memory + 128), *theirs = (word *)(memory + 640);
  const uint32_t length = strlen(text), record = (length + 8 + 7) & ~7u;
  memcpy(memory + DATA, &length, 4);
  memcpy(memory + DATA + 8, text, length);
  atomic_store(&ours[0], record);
  if (atomic_exchange(&ours[256 / 4], 0)) ring(memory, set);

  for (;;) {
    atomic_store(&theirs[256 / 4], 1);  // ring me when you publish
    if (atomic_load(&theirs[0]) != 0) break;
    wait_rung(memory, set);
  }
  uint32_t got;
  memcpy(&got, memory + DATA + ring_bytes, 4);
  printf("%.*s\n", (int)got, memory + DATA + ring_bytes + 8);
  fflush(stdout);
  // Dies without a word: with what it leaves the server has to cope.
  _exit(0);
}
