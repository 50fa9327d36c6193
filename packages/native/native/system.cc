// What the system grants this thread.
#include <errno.h>
#include <sched.h>

#include <memory>

#include "functions.h"

namespace callgate {

namespace {

// The processors on which the calling thread may run, for as many as the kernel has.
class CpuSet {
 public:
  CpuSet() {
    // EINVAL tells that the kernel's mask is longer; it is never longer than this bound.
    for (int cpus = 1024; cpus <= (1 << 20); cpus *= 2) {
      set_.reset(CPU_ALLOC(cpus));
      size_ = CPU_ALLOC_SIZE(cpus);
      error_ = set_ == nullptr ? ENOMEM : sched_getaffinity(0, size_, set_.get()) == 0 ? 0 : errno;
      if (error_ != EINVAL) break;
    }
  }

  int error() const { return error_; }
  int count() const { return CPU_COUNT_S(size_, set_.get()); }
  void Remove(int cpu) { CPU_CLR_S(cpu, size_, set_.get()); }
  void Add(int cpu) { CPU_SET_S(cpu, size_, set_.get()); }
  bool Apply() { return sched_setaffinity(0, size_, set_.get()) == 0; }

 private:
  struct Free {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };
  std::unique_ptr<cpu_set_t, Free> set_;
  size_t size_ = 0;
  int error_ = EINVAL;
};

}  // namespace

napi_value AvailableCpus(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sched_getaffinity");
  const CpuSet cpus;
  if (cpus.error() != 0) FailErrno(env, call.name, cpus.error());
  return Int(env, cpus.count());
}

napi_value CurrentCpu(napi_env env, napi_callback_info) { return Int(env, sched_getcpu()); }

napi_value LeaveCpu(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sched_setaffinity");
  CpuSet cpus;
  const int here = sched_getcpu();
  if (cpus.error() != 0) FailErrno(env, call.name, cpus.error());
  if (here < 0 || cpus.count() < 2) return Bool(env, false);
  cpus.Remove(here);
  // The kernel takes a thread at once from a processor that it may no longer use.
  const bool moved = cpus.Apply();
  cpus.Add(here);
  // It fails only if the system has just taken all of these processors away, and given the thread others.
  if (moved) cpus.Apply();
  return Bool(env, moved);
}

}  // namespace callgate
