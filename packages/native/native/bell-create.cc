// Where the memory and the semaphores of a bell come from.
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "bell.h"
#include "functions.h"

namespace callgate {
namespace {

napi_value Finish(napi_env env, State& state, std::unique_ptr<BellHandle> bell, bool fresh, napi_value pidfd) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, pidfd, &type);
  if (type != napi_null && type != napi_undefined) {
    bell->pidfd = fcntl(OpenFd(env, state, pidfd, "fcntl").number, F_DUPFD_CLOEXEC, 3);
    if (bell->pidfd < 0) FailErrno(env, "fcntl", errno);
  }
  if (fresh && bell->set < 0) {
    for (int end = 0; end < 2; end += 1) {
      sem_init(&bell->ends[end].thread, 1, 0);
      sem_init(&bell->ends[end].loop, 1, 0);
    }
  }
  return state.Wrap(env, std::move(bell));
}

}  // namespace

// createPosixBell(fd, offset, end, fresh, pidfd)
napi_value CreatePosixBell(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "mmap");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const auto offset = static_cast<size_t>(Integer(env, call.args[1], 0, kBellPageBytes - 2 * sizeof(BellEnd), call.name, "offset"));
  const auto end = static_cast<int>(Integer(env, call.args[2], 0, 1, call.name, "end"));
  bool fresh = false;
  if (offset % 64 != 0) FailRange(env, "mmap: offset must be a multiple of 64");
  if (napi_get_value_bool(env, call.args[3], &fresh) != napi_ok) FailType(env, "mmap: fresh must be a boolean");
  struct stat found;
  if (fstat(fd.number, &found) != 0) FailErrno(env, "fstat", errno);
  if (found.st_size < static_cast<off_t>(kBellPageBytes)) FailErrno(env, call.name, EINVAL, {}, "the object is smaller than a page");
  void* page = mmap(nullptr, kBellPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.number, 0);
  if (page == MAP_FAILED) FailErrno(env, call.name, errno);
  auto bell = std::make_unique<BellHandle>(*call.state, page, kBellPageBytes, offset, end, -1);
  return Finish(env, *call.state, std::move(bell), fresh, call.args[4]);
}

// createSysvBell(shmId, offset, end, semId, pidfd)
napi_value CreateSysvBell(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "shmat");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "shmId"));
  const auto offset = static_cast<size_t>(Integer(env, call.args[1], 0, kBellPageBytes - 2 * sizeof(BellEnd), call.name, "offset"));
  const auto end = static_cast<int>(Integer(env, call.args[2], 0, 1, call.name, "end"));
  const auto set = static_cast<int>(Integer(env, call.args[3], 0, INT32_MAX, call.name, "semId"));
  if (offset % 64 != 0) FailRange(env, "shmat: offset must be a multiple of 64");
  if (semctl(set, 3, GETVAL) < 0) FailErrno(env, "semctl", errno, std::to_string(set));
  void* page = shmat(id, nullptr, 0);
  if (page == reinterpret_cast<void*>(-1)) FailErrno(env, call.name, errno, std::to_string(id));
  shmid_ds found;
  if (shmctl(id, IPC_STAT, &found) != 0 || found.shm_segsz < kBellPageBytes) {
    const int error = errno;
    shmdt(page);
    FailErrno(env, "shmctl", error, std::to_string(id));
  }
  auto bell = std::make_unique<BellHandle>(*call.state, page, found.shm_segsz, offset, end, set);
  BellHandle* made = bell.get();
  napi_value object = Finish(env, *call.state, std::move(bell), false, call.args[4]);
  made->Owe(true);
  return object;
}

}  // namespace callgate
