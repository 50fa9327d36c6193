// What a bare mechanism is made of. Each stands in a file of its own, bare-<mechanism>.c, defines `mechanism`, and is
// compiled together with bare.c, which has the main function, the clock and the counting.
#pragma once
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

#ifndef MAX_BYTES  // larger where large messages are measured
#define MAX_BYTES (1 << 16)
#endif

struct mechanism {
  void (*open)(void);           // makes what both processes share, before the fork
  void (*serve)(void);          // in the child: takes request_bytes, gives reply_bytes, for ever
  void (*call)(uint32_t turn);  // in the parent: gives request_bytes, takes reply_bytes; turns count from 1
  void (*begin)(void);          // optional: in the parent, after the fork: closes what is the child's alone
  void (*close)(void);          // optional: removes what outlives processes; also on SIGTERM, so system calls only
};
extern const struct mechanism mechanism;

extern size_t request_bytes, reply_bytes;
extern char mine[MAX_BYTES];  // the message; each process has its own, after the fork

_Noreturn void fail(const char *what);  // says what failed and why (errno), and ends

// Byte streams, with one system call each where the stream takes and gives whole messages. The end of the stream ends
// the process.
void read_fully(int fd, char *bytes, size_t length);
void write_fully(int fd, const char *bytes, size_t length);
void serve_stream(int in, int out);  // for ever
void call_stream(int out, int in);
