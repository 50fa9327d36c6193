// The bare mechanisms, for comparison: two processes that pass the same number of bytes back and forth with nothing
// around them. Usage: bare shm|unix|tcp SECONDS WARM_UP_SECONDS REQUEST_BYTES REPLY_BYTES
//
// Each round trip is timed alone, by clock_gettime before and after, as the other clients do it. Prints one line
// "calls elapsedNs cpuNs rssKiB", then one line "ns count" for each duration that occurred.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 16, FINE = 1 << 16, COARSE = 1 << 20, SPINS_BEFORE_YIELD = 1 << 12 };

// One direction of the shared memory: the writer raises `turn` after the bytes are in place. The turn has a cache line
// of its own.
struct slot {
  _Alignas(64) _Atomic uint32_t turn;
  _Alignas(64) char bytes[MAX_BYTES];
};
static struct { struct slot request, reply; } *shared;
static int sockets[2];
static size_t request_bytes, reply_bytes;

static void fail(const char *what) {
  perror(what);
  exit(1);
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

static void read_fully(int fd, char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = read(fd, bytes + done, length - done);
    if (n == 0) exit(0);
    if (n < 0 && errno != EINTR) fail("read");
    if (n > 0) done += n;
  }
}

static void write_fully(int fd, const char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = write(fd, bytes + done, length - done);
    if (n < 0 && errno != EINTR) fail("write");
    if (n > 0) done += n;
  }
}

static char mine[MAX_BYTES];  // each process has its own, after fork

static void serve_shm(void) {
  for (uint32_t turn = 1;; turn++) {
    await_turn(&shared->request, turn);
    memcpy(mine, shared->request.bytes, request_bytes);
    memcpy(shared->reply.bytes, mine, reply_bytes);
    atomic_store_explicit(&shared->reply.turn, turn, memory_order_release);
  }
}

static void serve_socket(void) {
  for (;;) {
    read_fully(sockets[1], mine, request_bytes);
    write_fully(sockets[1], mine, reply_bytes);
  }
}

static void call_shm(uint32_t turn) {
  memcpy(shared->request.bytes, mine, request_bytes);
  atomic_store_explicit(&shared->request.turn, turn, memory_order_release);
  await_turn(&shared->reply, turn);
  memcpy(mine, shared->reply.bytes, reply_bytes);
}

static void call_socket(uint32_t turn) {
  (void)turn;
  write_fully(sockets[0], mine, request_bytes);
  read_fully(sockets[0], mine, reply_bytes);
}

// Two sockets of this process, connected over the loopback interface.
static void tcp_pair(int pair[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("getsockname");
  pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&address, length) != 0) fail("connect");
  if ((pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) fail("accept");
  close(listener);
  for (int i = 0; i < 2; i++)
    if (setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("setsockopt");
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

static uint64_t run(void (*call)(uint32_t), uint32_t *turn, double seconds, int recording, uint64_t *elapsed) {
  uint64_t begun = now(CLOCK_MONOTONIC), until = begun + (uint64_t)(seconds * 1e9), calls = 0, ended = begun;
  while (ended < until) {
    uint64_t start = now(CLOCK_MONOTONIC);
    call(++*turn);
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
  if (argc != 6) return fputs("usage: bare shm|unix|tcp SECONDS WARM_UP_SECONDS REQUEST_BYTES REPLY_BYTES\n", stderr), 2;
  int over_shm = strcmp(argv[1], "shm") == 0;
  request_bytes = strtoul(argv[4], NULL, 10);
  reply_bytes = strtoul(argv[5], NULL, 10);
  if (request_bytes > MAX_BYTES || reply_bytes > MAX_BYTES) return fputs("bare: too many bytes\n", stderr), 2;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  if (strcmp(argv[1], "tcp") == 0)
    tcp_pair(sockets);
  else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) fail("socketpair");

  pid_t parent = getpid(), server = fork();
  if (server < 0) fail("fork");
  if (server == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody else would end a server that spins
    if (getppid() != parent) return 0;
    close(sockets[0]);
    if (over_shm) serve_shm();
    serve_socket();
  }
  close(sockets[1]);

  clockid_t server_clock;
  if (clock_getcpuclockid(server, &server_clock) != 0) fail("clock_getcpuclockid");
  void (*call)(uint32_t) = over_shm ? call_shm : call_socket;
  uint32_t turn = 0;
  uint64_t elapsed;
  run(call, &turn, strtod(argv[3], NULL), 0, &elapsed);
  uint64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID) + now(server_clock);
  uint64_t calls = run(call, &turn, strtod(argv[2], NULL), 1, &elapsed);
  cpu = now(CLOCK_PROCESS_CPUTIME_ID) + now(server_clock) - cpu;
  printf("%lu %lu %lu %ld\n", calls, elapsed, cpu, resident_kib(getpid()) + resident_kib(server));
  for (uint64_t i = 0; i < FINE + COARSE; i++)
    if (counts[i]) printf("%lu %u\n", i < FINE ? i : (i - FINE) << 10, counts[i]);

  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  return 0;
}
