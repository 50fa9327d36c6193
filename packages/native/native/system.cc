// What the system grants this thread.
#include <errno.h>
#include <sched.h>

#include <memory>

#include "functions.h"

namespace callgate {

napi_value AvailableCpus(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "sched_getaffinity");
  // EINVAL tells that the kernel's mask is longer; it is never longer than this bound.
  for (int cpus = 1024; cpus <= (1 << 20); cpus *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(cpus), [](cpu_set_t* s) { CPU_FREE(s); });
    if (set == nullptr) FailErrno(env, call.name, ENOMEM);
    const size_t size = CPU_ALLOC_SIZE(cpus);
    if (sched_getaffinity(0, size, set.get()) == 0) return Int(env, CPU_COUNT_S(size, set.get()));
    if (errno != EINVAL) break;
  }
  FailErrno(env, call.name, errno);
}

napi_value CurrentCpu(napi_env env, napi_callback_info) { return Int(env, sched_getcpu()); }

}  // namespace callgate
