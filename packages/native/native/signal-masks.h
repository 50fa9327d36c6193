// Which signals of this process are taken, and the masks of all its threads that go with it.
//
// A taken signal is blocked in every thread, so that the kernel keeps it, in order and with its value, until somebody
// reads it from a signalfd(2). A mask belongs to its thread, and no call sets another thread's: each thread is sent the
// control signal instead, whose handler changes the mask to which the thread returns. Threads that are made later
// inherit theirs. A thread that takes the block away all the same runs a handler, not the default action: it queues the
// signal again for the process, and blocks it again.
//
// Process-wide: environments of all threads share it, under one lock.
#pragma once
#include <signal.h>

#include <string>
#include <vector>

namespace callgate {

/** Whether a number may be taken: a real-time signal, or one of the few regular ones on which nothing depends. */
bool MayBeTaken(int number);

/**
 * Takes signals for the caller: none of them, or all. Returns 0 or an errno: EBUSY, with `which` and `why`, when one is
 * taken already or has a handler; ETIMEDOUT when a thread does not answer. The process must have no other handler for them.
 */
int TakeSignals(const std::vector<int>& numbers, int* which, std::string* why);

/**
 * Gives signals back: those that wait are dropped, masks and dispositions are again as they were. `quiet`: nobody sends
 * any more; without it they stay ignored, since the default action of one that comes late would end the process. Blocks
 * until all threads have answered, some microseconds each, at most a second.
 */
void GiveSignalsBack(const std::vector<int>& numbers, bool quiet);

}  // namespace callgate
