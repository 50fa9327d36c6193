// What one environment (the main thread, or one worker) owns. Touched only on that environment's thread.
//
// Destruction, in this order:
//   1. Mappings: Node detaches their ArrayBuffers and calls their finalizers (memory.cc), before or among the clean-up
//      hooks. No JavaScript runs any more, so nothing can reach the memory.
//   2. The state's clean-up hook: closes watchers, then what else there is, and descriptors last. Threads that block for
//      the loop (blocker.h) are joined here. libuv gives a handle's memory back one turn of the loop later, so the hook
//      is an asynchronous one, done when the last has gone.
//   3. Finalizers of the wrapper objects, which free the handles. A handle keeps the state alive until then.
// An explicit close does the same for one handle, earlier; a finalizer after garbage collection too. All closes are
// idempotent, so whatever comes second does nothing.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <memory>
#include <unordered_set>

namespace callgate {

/** Closed in this order when an environment ends: what refers to another handle comes before it. */
enum class Kind : uint8_t { kWatcher, kSemaphore, kBell, kMessageThread, kMessageQueue, kMapping, kFd, kCount };

struct State;

/** The native side of one JavaScript handle object; freed by that object's finalizer. */
struct Handle {
  Handle(State& owner, Kind k);
  virtual ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  /** Releases what the handle owns. Idempotent, never throws, may be called while the environment ends. */
  virtual void Close(napi_env env) noexcept = 0;

  const std::shared_ptr<State> state;
  const Kind kind;
};

struct State : std::enable_shared_from_this<State> {
  /** Makes the wrapper object for a handle and gives the handle to it; deletes the handle when that fails. */
  napi_value Wrap(napi_env env, std::unique_ptr<Handle> handle);
  /** The handle of that kind behind a value, or null. Never dereferences what this state did not make. */
  Handle* Find(napi_env env, napi_value value, Kind kind) const;
  /** Asks whether the worker is being terminated. The thread must not go on blocking then. */
  static bool Ending(napi_env env);

  void BeginCleanup(napi_async_cleanup_hook_handle hook);
  void LoopHandleGone();

  static std::shared_ptr<State> Create(napi_env env);
  static napi_value Construct(napi_env env, napi_callback_info info);

  napi_env env = nullptr;
  /** Workers can be terminated while they block, the main thread cannot. */
  bool is_worker = false;
  /** Constructors, one per kind. */
  napi_ref classes[static_cast<size_t>(Kind::kCount)] = {};
  /** The handle that the constructor now running shall wrap; null when a stranger calls it. */
  std::unique_ptr<Handle> incoming;
  std::unordered_set<Handle*> handles;
  /** libuv handles whose close callback has not run yet. */
  size_t loop_handles_open = 0;
  napi_async_cleanup_hook_handle cleanup = nullptr;
};

/** Defines the class of one kind of handle; the constructor is not exported. */
void DefineClass(napi_env env, State& state, Kind kind, const char* name, size_t count,
                 const napi_property_descriptor* properties);

}  // namespace callgate
