// The bare mechanisms, for comparison: two processes that pass the same number of bytes back and forth with nothing
// around them. Usage: bare-<mechanism> SECONDS WARM_UP_SECONDS REQUEST_BYTES REPLY_BYTES
//
// Each round trip is timed alone, by clock_gettime before and after, as the other clients do it. Prints one line
// "calls elapsedNs cpuNs rssKiB", then one line "ns count" for each duration that occurred.
#include "bare.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FINE = 1 << 16, COARSE = 1 << 20 };

size_t request_bytes, reply_bytes;
char mine[MAX_BYTES];
static pid_t parent, server = -1;

static void end_all(void) {
  if (server > 0) kill(server, SIGKILL);
  if (mechanism.close) mechanism.close();
}

static void at_exit(void) {
  if (getpid() == parent) end_all();
}

static void on_signal(int number) {
  if (getpid() == parent) end_all();
  _exit(128 + number);
}

void fail(const char *what) {
  perror(what);
  exit(1);
}

void read_fully(int fd, char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = read(fd, bytes + done, length - done);
    if (n == 0) exit(0);
    if (n < 0 && errno != EINTR) fail("read");
    if (n > 0) done += n;
  }
}

void write_fully(int fd, const char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = write(fd, bytes + done, length - done);
    if (n < 0 && errno != EINTR) fail("write");
    if (n > 0) done += n;
  }
}

void serve_stream(int in, int out) {
  for (;;) {
    read_fully(in, mine, request_bytes);
    write_fully(out, mine, reply_bytes);
  }
}

void call_stream(int out, int in) {
  write_fully(out, mine, request_bytes);
  read_fully(in, mine, reply_bytes);
}

static uint64_t now(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) fail("clock_gettime");
  return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

// Durations below FINE ns are counted to the nanosecond, longer ones to 1,024 ns, those past about a second as a second.
static uint32_t counts[FINE + COARSE];

static void record(uint64_t ns) {
  uint64_t coarse = ns >> 10;
  counts[ns < FINE ? ns : FINE + (coarse < COARSE ? coarse : COARSE - 1)]++;
}

static uint64_t run(uint32_t *turn, double seconds, int recording, uint64_t *elapsed) {
  uint64_t begun = now(CLOCK_MONOTONIC), until = begun + (uint64_t)(seconds * 1e9), calls = 0, ended = begun;
  while (ended < until) {
    uint64_t start = now(CLOCK_MONOTONIC);
    mechanism.call(++*turn);
    ended = now(CLOCK_MONOTONIC);
    if (recording) record(ended - start);
    calls++;
  }
  *elapsed = ended - begun;
  return calls;
}

static long resident_kib(pid_t pid) {
  char path[64], line[256];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
  if (file) fclose(file);
  return kib;
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: %s SECONDS WARM_UP_SECONDS REQUEST_BYTES REPLY_BYTES\n", argv[0]), 2;
  request_bytes = strtoul(argv[3], NULL, 10);
  reply_bytes = strtoul(argv[4], NULL, 10);
  if (request_bytes > MAX_BYTES || reply_bytes > MAX_BYTES) return fputs("bare: too many bytes\n", stderr), 2;
  parent = getpid();
  atexit(at_exit);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  mechanism.open();

  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody else would end a server that spins
    if (getppid() != parent) return 0;
    mechanism.serve();
    return 0;
  }
  server = child;
  if (mechanism.begin) mechanism.begin();

  clockid_t server_clock;
  if (clock_getcpuclockid(server, &server_clock) != 0) fail("clock_getcpuclockid");
  uint32_t turn = 0;
  uint64_t elapsed;
  run(&turn, strtod(argv[2], NULL), 0, &elapsed);
  uint64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID) + now(server_clock);
  uint64_t calls = run(&turn, strtod(argv[1], NULL), 1, &elapsed);
  cpu = now(CLOCK_PROCESS_CPUTIME_ID) + now(server_clock) - cpu;
  printf("%lu %lu %lu %ld\n", calls, elapsed, cpu, resident_kib(getpid()) + resident_kib(server));
  for (uint64_t i = 0; i < FINE + COARSE; i++)
    if (counts[i]) printf("%lu %u\n", i < FINE ? i : (i - FINE) << 10, counts[i]);

  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  server = -1;
  return 0;
}
