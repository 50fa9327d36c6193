// Two processes that block in msgrcv(2) on a System V message queue each way, as a mailbox and an answer to its sender do.
#include "bare.h"

#include <sys/ipc.h>
#include <sys/msg.h>

#define LONGEST 8192

static struct {
  long type;
  char text[LONGEST];
} message;
static int requests, replies;

static void open_pair(void) {
  requests = msgget(IPC_PRIVATE, 0600);
  replies = msgget(IPC_PRIVATE, 0600);
  if (requests < 0 || replies < 0) fail("msgget");
}

static void serve(void) {
  for (;;) {
    // The most urgent first: the lowest type up to 2.
    if (msgrcv(requests, &message, LONGEST, -2, 0) < 0) return;
    message.type = 1;
    if (msgsnd(replies, &message, reply_bytes, 0) != 0) return;
  }
}

static void begin(void) {}

static void call(uint32_t turn) {
  (void)turn;
  message.type = 2;
  if (msgsnd(requests, &message, request_bytes, 0) != 0) fail("msgsnd");
  if (msgrcv(replies, &message, LONGEST, 1, 0) < 0) fail("msgrcv");
}

static void remove_both(void) {
  msgctl(requests, IPC_RMID, NULL);
  msgctl(replies, IPC_RMID, NULL);
}

const struct mechanism mechanism = {.open = open_pair, .serve = serve, .begin = begin, .call = call, .close = remove_both};
