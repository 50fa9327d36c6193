// Sealed memory files and their mappings.
//
// A mapping's memory is reached through its ArrayBuffer, so it is unmapped exactly once, and only when no attached
// ArrayBuffer can reach it any more:
//   - close(): detaches the buffer, then unmaps at once;
//   - the buffer was collected: V8 frees its backing store, and Node then calls BufferGone, which unmaps. The Mapping
//     object refers to the buffer, not the reverse: a buffer that outlives its Mapping stays mapped;
//   - the buffer was moved away (ArrayBuffer.prototype.transfer): close() finds it detached and does nothing. The memory
//     belongs to another ArrayBuffer then, and BufferGone comes when that one is collected;
//   - the environment ends: Node detaches the buffer and calls BufferGone. A buffer that was moved away cannot be told
//     from one that was not, and it may live on in another thread. So the file is let go, but blank private pages that
//     cost nothing but addresses take its place: nobody can fault on them.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functions.h"
#include "memory.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace callgate {
namespace {

constexpr int64_t kMaxBytes = (int64_t{1} << 32) - 1;

/** One mmap(2). Owned by the ArrayBuffer's finalizer and by the Mapping: freed when both have let go. */
struct Region {
  void* address;
  size_t bytes;
  int holders = 1;
  bool mapped = true;

  void Unmap() {
    if (mapped) munmap(address, bytes);
    mapped = false;
  }

  void Blank() {
    constexpr int kFlags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (mapped) mmap(address, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    mapped = false;
  }

  void Release() {
    holders -= 1;
    if (holders == 0) delete this;
  }
};

void BufferGone(napi_env env, void*, void* hint) {
  auto* region = static_cast<Region*>(hint);
  if (State::Ending(env)) {
    region->Blank();
  } else {
    region->Unmap();
  }
  region->Release();
}

struct MappingHandle final : Handle {
  MappingHandle(State& owner, Region* r) : Handle(owner, Kind::kMapping), region(r) { region->holders += 1; }
  ~MappingHandle() override { region->Release(); }
  /** From the finalizer the buffer is left alone: it may be in use without its Mapping. */
  void Close(napi_env) noexcept override {}

  Region* const region;
};

napi_value CloseMapping(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  Handle* handle = call.state->Find(env, call.self, Kind::kMapping);
  if (handle == nullptr) FailType(env, "not a Mapping");
  Region* region = static_cast<MappingHandle*>(handle)->region;
  napi_value buffer = nullptr;
  bool detached = true;
  Check(env, napi_get_named_property(env, call.self, "buffer", &buffer));
  Check(env, napi_is_detached_arraybuffer(env, buffer, &detached));
  if (detached) return Undefined(env);
  Check(env, napi_detach_arraybuffer(env, buffer));
  region->Unmap();
  return Undefined(env);
}

/** Raises unless the file can neither shrink nor grow: a peer that shrank it could kill this process by SIGBUS. */
void VerifySeals(napi_env env, int fd, const char* name) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 && errno == EINVAL) FailErrno(env, name, EINVAL, {}, "not a memfd: the file cannot be sealed");
  if (seals < 0) FailErrno(env, name, errno);
  constexpr int kNeeded = F_SEAL_SHRINK | F_SEAL_GROW;
  if ((seals & kNeeded) != kNeeded) {
    FailErrno(env, name, EPERM, {}, "the memfd is not sealed against shrinking and growing");
  }
}

int64_t SizeOf(napi_env env, int fd) {
  struct stat found;
  if (fstat(fd, &found) != 0) FailErrno(env, "fstat", errno);
  return found.st_size;
}

}  // namespace

napi_value CreateMemfd(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "memfd_create");
  const std::string name = String(env, call.args[0], call.name, "name");
  const int64_t bytes = Integer(env, call.args[1], 1, kMaxBytes, call.name, "bytes");
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create(name.c_str(), kFlags | MFD_NOEXEC_SEAL);
  // Kernels before 6.3 do not know the flag.
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name.c_str(), kFlags);
  if (fd < 0) {
    FailErrno(env, call.name, errno, name,
              errno == EINVAL ? "the name has " + std::to_string(name.size()) + " bytes, 249 are allowed" : "");
  }
  napi_value object = NewFd(env, *call.state, fd, FdType::kOther);
  if (ftruncate(fd, bytes) != 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    const int error = errno;
    call.state->Find(env, object, Kind::kFd)->Close(env);
    FailErrno(env, "ftruncate", error, name);
  }
  return object;
}

napi_value MapMemfd(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "mmap");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  const int64_t bytes = Integer(env, call.args[1], 1, kMaxBytes, call.name, "bytes");
  VerifySeals(env, fd.number, call.name);
  const int64_t size = SizeOf(env, fd.number);
  if (size != bytes) {
    FailErrno(env, call.name, EINVAL, {},
              "the memfd has " + std::to_string(size) + " bytes, expected " + std::to_string(bytes));
  }
  void* address = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd.number, 0);
  if (address == MAP_FAILED) FailErrno(env, call.name, errno);

  return NewMapping(env, *call.state, address, static_cast<size_t>(bytes));
}

napi_value NewMapping(napi_env env, State& state, void* address, size_t bytes) {
  // From here on the finalizer owns the region. Node calls it on most failures too; the rest leave a mapping behind,
  // which is the safe side.
  auto* region = new Region{address, bytes};
  napi_value buffer = nullptr;
  Check(env, napi_create_external_arraybuffer(env, address, region->bytes, BufferGone, region, &buffer));

  napi_value mapping = state.Wrap(env, std::make_unique<MappingHandle>(state, region));
  const napi_property_descriptor property = {"buffer", nullptr, nullptr,         nullptr,
                                             nullptr,  buffer,  napi_enumerable, nullptr};
  Check(env, napi_define_properties(env, mapping, 1, &property));
  return mapping;
}

napi_value FdBytes(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "fstat");
  const FdHandle& fd = OpenFd(env, *call.state, call.args[0], call.name);
  napi_value value = nullptr;
  napi_create_int64(env, SizeOf(env, fd.number), &value);
  return value;
}

void DefineMapping(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"close", nullptr, Guarded<CloseMapping>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kMapping, "Mapping", 1, properties);
}

}  // namespace callgate
