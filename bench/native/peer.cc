// Peers in C++, for comparison: a client and a server process that do what the others do. Usage:
// peer-<program> sync|async IN_FLIGHT DATA_BYTES SECONDS WARM_UP_SECONDS SOCKET
//
// Prints what bare.c does: one line "calls elapsedNs cpuNs rssKiB", then one line "ns count" for each duration.
#include "peer.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

pid_t server = -1;

void on_signal(int number) {
  if (server > 0) kill(server, SIGKILL);
  _exit(128 + number);
}

uint64_t read_clock(clockid_t clock) {
  timespec t;
  if (clock_gettime(clock, &t) != 0) fail("clock_gettime");
  return uint64_t(t.tv_sec) * 1000000000u + t.tv_nsec;
}

// Durations below FINE ns are counted to the nanosecond, longer ones to 1,024 ns, those past about a second as a second.
constexpr size_t FINE = 1 << 16, COARSE = 1 << 20;

class Stopwatch final : public Meter {
 public:
  explicit Stopwatch(double seconds)
      : counts_(new std::atomic<uint32_t>[FINE + COARSE]()), begun_(now()), until_(begun_ + uint64_t(seconds * 1e9)) {}

  uint64_t now() override { return read_clock(CLOCK_MONOTONIC); }

  bool done(uint64_t start, uint64_t end) override {
    uint64_t ns = end - start, coarse = ns >> 10;
    counts_[ns < FINE ? ns : FINE + (coarse < COARSE ? coarse : COARSE - 1)].fetch_add(1, std::memory_order_relaxed);
    calls_.fetch_add(1, std::memory_order_relaxed);
    uint64_t last = last_.load(std::memory_order_relaxed);
    while (last < end && !last_.compare_exchange_weak(last, end, std::memory_order_relaxed)) {
    }
    return end >= until_;
  }

  void print(uint64_t cpu_ns, long rss_kib) const {
    printf("%lu %lu %lu %ld\n", calls_.load(), last_.load() - begun_, cpu_ns, rss_kib);
    for (uint64_t i = 0; i < FINE + COARSE; i++)
      if (uint32_t count = counts_[i].load()) printf("%lu %u\n", i < FINE ? i : (i - FINE) << 10, count);
  }

 private:
  std::unique_ptr<std::atomic<uint32_t>[]> counts_;
  std::atomic<uint64_t> calls_{0}, last_{0};
  uint64_t begun_, until_;
};

long resident_kib(pid_t pid) {
  char path[64], line[256];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", int(pid));
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
  if (file) fclose(file);
  return kib;
}

}  // namespace

void fail(const std::string &what) {
  fprintf(stderr, "peer: %s\n", what.c_str());
  if (server > 0) kill(server, SIGKILL);
  _exit(1);
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: %s sync|async IN_FLIGHT DATA_BYTES SECONDS WARM_UP_SECONDS SOCKET\n", argv[0]);
    return 2;
  }
  Job job{strcmp(argv[1], "sync") == 0, atoi(argv[2]), strtoul(argv[3], nullptr, 10), argv[6]};
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);

  int ready[2];
  if (pipe(ready) != 0) fail("pipe");
  pid_t parent = getpid();
  server = fork();  // before either library has made a thread
  if (server < 0) fail("fork");
  if (server == 0) {
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return 0;
    serve(job, [&] {
      if (write(ready[1], "", 1) != 1) fail("write");
    });
    return 0;
  }
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 1) fail("the server did not start");

  open_client(job);
  clockid_t server_clock;
  if (clock_getcpuclockid(server, &server_clock) != 0) fail("clock_getcpuclockid");
  Stopwatch warm_up(strtod(argv[5], nullptr));
  make_calls(job, warm_up);
  uint64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) + read_clock(server_clock);
  Stopwatch stopwatch(strtod(argv[4], nullptr));
  make_calls(job, stopwatch);
  cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) + read_clock(server_clock) - cpu;
  stopwatch.print(cpu, resident_kib(getpid()) + resident_kib(server));
  fflush(stdout);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  unlink(job.socket.c_str());
  _exit(0);  // the libraries' own endings would wait for a server that is gone
}
