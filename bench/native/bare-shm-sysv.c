// Two processes that block in semop(2): System V semaphores beside memory of shmget(2).
#include "bare.h"

#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>

enum { REQUEST, REPLY };

static struct { char request[MAX_BYTES], reply[MAX_BYTES]; } *shared;
static int set = -1;

static void open_memory(void) {
  const int id = shmget(IPC_PRIVATE, sizeof *shared, 0600 | IPC_CREAT);
  if (id < 0) fail("shmget");
  shared = shmat(id, NULL, 0);
  if (shared == (void *)-1) fail("shmat");
  shmctl(id, IPC_RMID, NULL);  // it goes with its last user
  set = semget(IPC_PRIVATE, 2, 0600 | IPC_CREAT);
  if (set < 0) fail("semget");
}

static void change(unsigned short semaphore, short by) {
  struct sembuf operation = {.sem_num = semaphore, .sem_op = by};
  if (semop(set, &operation, 1) != 0) fail("semop");
}

static void serve(void) {
  for (;;) {
    change(REQUEST, -1);
    memcpy(mine, shared->request, request_bytes);
    memcpy(shared->reply, mine, reply_bytes);
    change(REPLY, 1);
  }
}

static void call(uint32_t turn) {
  (void)turn;
  memcpy(shared->request, mine, request_bytes);
  change(REQUEST, 1);
  change(REPLY, -1);
  memcpy(mine, shared->reply, reply_bytes);
}

static void remove_set(void) { semctl(set, 0, IPC_RMID); }

const struct mechanism mechanism = {.open = open_memory, .serve = serve, .call = call, .close = remove_set};
