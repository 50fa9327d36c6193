// Shared memory that has a name (shm_open(3)) or a key (shmget(2)), so that unrelated processes find it.
#include <errno.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functions.h"
#include "memory.h"

namespace callgate {
namespace {

constexpr int64_t kMaxBytes = (int64_t{1} << 32) - 1;

void SetNumber(napi_env env, napi_value object, const char* name, double number) {
  napi_value value = nullptr;
  Check(env, napi_create_double(env, number, &value));
  Check(env, napi_set_named_property(env, object, name, value));
}

}  // namespace

// createPosixMemory(name, bytes, mode): always a new object.
napi_value CreatePosixMemory(napi_env env, napi_callback_info info) {
  const Call<3> call(env, info, "shm_open");
  const std::string name = String(env, call.args[0], call.name, "name");
  const int64_t bytes = Integer(env, call.args[1], 1, kMaxBytes, call.name, "bytes");
  const auto mode = static_cast<mode_t>(Integer(env, call.args[2], 0, 0777, call.name, "mode"));
  // Mode 0 at first: nobody else can open it before it is whole. fchmod(2) then gives the mode whatever the umask.
  const int fd = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (fd < 0) FailErrno(env, call.name, errno, name);
  // Not ftruncate(2), which promises memory that may not be there: its first use would then be a SIGBUS.
  int error = 0;
  do {
    error = posix_fallocate(fd, 0, bytes);
  } while (error == EINTR);
  const char* failed = "posix_fallocate";
  if (error == 0 && fchmod(fd, mode) != 0) {
    error = errno;
    failed = "fchmod";
  }
  if (error != 0) {
    shm_unlink(name.c_str());
    close(fd);
    FailErrno(env, failed, error, name);
  }
  return NewFd(env, *call.state, fd, FdType::kOther);
}

napi_value OpenPosixMemory(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shm_open");
  const std::string name = String(env, call.args[0], call.name, "name");
  const int fd = shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) FailErrno(env, call.name, errno, name);
  return NewFd(env, *call.state, fd, FdType::kOther);
}

napi_value UnlinkPosixMemory(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shm_unlink");
  const std::string name = String(env, call.args[0], call.name, "name");
  if (shm_unlink(name.c_str()) == 0) return Bool(env, true);
  if (errno == ENOENT) return Bool(env, false);
  FailErrno(env, call.name, errno, name);
}

napi_value MapShared(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "mmap");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const int64_t bytes = Integer(env, call.args[1], 1, kMaxBytes, call.name, "bytes");
  struct stat found;
  if (fstat(fd.number, &found) != 0) FailErrno(env, "fstat", errno);
  if (found.st_size < bytes) {
    FailErrno(env, call.name, EINVAL, {},
              "the object has " + std::to_string(found.st_size) + " bytes, expected " + std::to_string(bytes));
  }
  void* address = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd.number, 0);
  if (address == MAP_FAILED) FailErrno(env, call.name, errno);
  return NewMapping(env, *call.state, address, static_cast<size_t>(bytes));
}

napi_value LockOpenFile(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "fcntl");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  bool take = false;
  if (napi_get_value_bool(env, call.args[1], &take) != napi_ok) FailType(env, "fcntl: take must be a boolean");
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  if (!take) {
    if (fcntl(fd.number, F_OFD_GETLK, &lock) != 0) FailErrno(env, call.name, errno);
    return Bool(env, lock.l_type == F_UNLCK);
  }
  if (fcntl(fd.number, F_OFD_SETLK, &lock) == 0) return Bool(env, true);
  if (errno == EAGAIN || errno == EACCES) return Bool(env, false);
  FailErrno(env, call.name, errno);
}

// getSysvMemory(key, bytes, mode, flags): flags 1 create, 2 exclusive. Gives the id.
napi_value GetSysvMemory(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info, "shmget");
  const auto key = static_cast<key_t>(Integer(env, call.args[0], INT32_MIN, INT32_MAX, call.name, "key"));
  const auto bytes = static_cast<size_t>(Integer(env, call.args[1], 0, kMaxBytes, call.name, "bytes"));
  const auto mode = static_cast<int>(Integer(env, call.args[2], 0, 0777, call.name, "mode"));
  const int64_t flags = Integer(env, call.args[3], 0, 3, call.name, "flags");
  const int id = shmget(key, bytes, mode | ((flags & 1) != 0 ? IPC_CREAT : 0) | ((flags & 2) != 0 ? IPC_EXCL : 0));
  if (id < 0) FailErrno(env, call.name, errno);
  return Int(env, id);
}

napi_value StatSysvMemory(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shmctl");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  shmid_ds found;
  if (shmctl(id, IPC_STAT, &found) != 0) FailErrno(env, call.name, errno, std::to_string(id));
  napi_value result = nullptr;
  Check(env, napi_create_object(env, &result));
  SetNumber(env, result, "bytes", static_cast<double>(found.shm_segsz));
  SetNumber(env, result, "uid", found.shm_perm.cuid);
  SetNumber(env, result, "gid", found.shm_perm.cgid);
  SetNumber(env, result, "mode", found.shm_perm.mode & 0777);
  SetNumber(env, result, "creatorPid", found.shm_cpid);
  SetNumber(env, result, "lastPid", found.shm_lpid);
  SetNumber(env, result, "attached", static_cast<double>(found.shm_nattch));
  return result;
}

napi_value AttachSysvMemory(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shmat");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  // The size of what is attached: were it asked before, another segment could have taken the id in between.
  void* address = shmat(id, nullptr, 0);
  if (address == reinterpret_cast<void*>(-1)) FailErrno(env, call.name, errno, std::to_string(id));
  shmid_ds found;
  if (shmctl(id, IPC_STAT, &found) != 0 || static_cast<int64_t>(found.shm_segsz) > kMaxBytes) {
    const int error = errno;
    shmdt(address);
    FailErrno(env, "shmctl", error, std::to_string(id));
  }
  // munmap(2) detaches a segment as shmdt(2) does.
  return NewMapping(env, *call.state, address, found.shm_segsz);
}

napi_value RemoveSysvMemory(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "shmctl");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  if (shmctl(id, IPC_RMID, nullptr) == 0) return Bool(env, true);
  if (errno == EINVAL || errno == EIDRM) return Bool(env, false);
  FailErrno(env, call.name, errno, std::to_string(id));
}

}  // namespace callgate
