// What a peer in C++ is made of: it stands in peer-<program>.cc and is compiled together with peer.cc, which has the
// main function, the two processes, the clock and the counting.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

struct Job {
  bool blocks;           // each call blocks the thread, else it is awaited
  int in_flight;         // awaited calls under way at once
  size_t data_bytes;     // of data in each message, there and back
  std::string socket;    // the path at which the two processes meet
};

// Times calls until it is time to stop. Any thread may use it.
class Meter {
 public:
  virtual ~Meter() = default;
  virtual uint64_t now() = 0;                            // nanoseconds
  virtual bool done(uint64_t start, uint64_t end) = 0;   // counts a call; whether it was the last one
};

// In the child: serves until it is killed; calls `ready` when clients may come.
void serve(const Job &job, const std::function<void()> &ready);

// In the parent: connects.
void open_client(const Job &job);

// In the parent: calls, with job.in_flight calls under way, until the meter has had enough; returns when all are done.
void make_calls(const Job &job, Meter &meter);

[[noreturn]] void fail(const std::string &what);  // says what failed, and ends both processes
