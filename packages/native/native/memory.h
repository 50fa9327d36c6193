// Mapped memory as JavaScript sees it; memory.cc says when it is unmapped.
#pragma once
#include "state.h"

namespace callgate {

/** A Mapping of shared memory at `address`, whole pages of it; whatever happens, it is unmapped by munmap(2) some day. */
napi_value NewMapping(napi_env env, State& state, void* address, size_t bytes);

}  // namespace callgate
