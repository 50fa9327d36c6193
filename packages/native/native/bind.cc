// bind(2) gives the file the socket's own mode (settable by fchmod) without the bits of the caller's umask. The umask
// belongs to all threads of the process, so it must not be changed here, not even for a moment: another thread could
// be creating a file. Therefore a child that shares memory and descriptors, but not the umask (no CLONE_FS), binds the very same socket.
#include "bind.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace callgate {
namespace {

struct Job {
  int socket;
  const sockaddr* address;
  socklen_t length;
  volatile int error;
};

int RunJob(void* data) {
  auto* job = static_cast<Job*>(data);
  umask(0);
  job->error = bind(job->socket, job->address, job->length) == 0 ? 0 : errno;
  // For a parent that does not see this memory.
  _exit(job->error);
}

}  // namespace

int BindWithMode(int socket, const sockaddr* address, socklen_t length, mode_t mode, const char** failed) {
  *failed = "fchmod";
  if (fchmod(socket, mode) != 0) return errno;

  *failed = "clone";
  Job job = {socket, address, length, EIO};
  alignas(16) char stack[32 * 1024];
  // No signal handler may run in the child: it would run on this thread's memory, in another process.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // CLONE_VFORK: this thread stands still until the child is done, so the child may use its errno and stack frame.
  // No exit signal, so that nobody's SIGCHLD handler hears of it; waiting for such a child takes __WCLONE.
  pid_t child = clone(RunJob, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_VFORK, &job);
  int waitFor = __WCLONE;
  // Emulators of another processor (qemu-user) know only threads and forks: there the child is a fork, copies included.
  if (child < 0 && errno == EINVAL) {
    child = clone(RunJob, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &job);
    waitFor = 0;
  }
  const int error = child < 0 ? errno : 0;
  if (child > 0) {
    int status = 0;
    while (waitpid(child, &status, waitFor) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) job.error = WEXITSTATUS(status);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return error;
  *failed = "bind";
  return job.error;
}

}  // namespace callgate
