// The module: one table from JavaScript names to functions.
#include <napi.h>

#include "functions.h"

namespace callgate {
namespace {

struct Entry {
  const char* name;
  napi_callback function;
};

constexpr Entry kFunctions[] = {
    {"createMemfd", Guarded<CreateMemfd>},
    {"mapMemfd", Guarded<MapMemfd>},
    {"fdBytes", Guarded<FdBytes>},
    {"listenUnix", Guarded<ListenUnix>},
    {"acceptUnix", Guarded<Accept>},
    {"connectUnix", Guarded<ConnectUnix>},
    {"peerCredentials", Guarded<PeerCredentials>},
    {"listenTcp", Guarded<ListenTcp>},
    {"acceptTcp", Guarded<Accept>},
    {"connectTcp", Guarded<ConnectTcp>},
    {"finishConnect", Guarded<FinishConnect>},
    {"tuneTcp", Guarded<TuneTcp>},
    {"endSocket", Guarded<EndSocket>},
    {"silentMs", Guarded<SilentMs>},
    {"inetAddress", Guarded<InetAddressOf>},
    {"lookUpHost", Guarded<LookUpHost>},
    {"bindUdp", Guarded<BindUdp>},
    {"connectUdp", Guarded<ConnectUdp>},
    {"forkUdp", Guarded<ForkUdp>},
    {"receiveFrom", Guarded<ReceiveFrom>},
    {"sendTo", Guarded<SendTo>},
    {"read", Guarded<Read>},
    {"write", Guarded<Write>},
    {"sendWithFds", Guarded<SendWithFds>},
    {"receiveWithFds", Guarded<ReceiveWithFds>},
    {"shutdownSocket", Guarded<ShutdownSocket>},
    {"unreadBytes", Guarded<UnreadBytes>},
    {"createPipe", Guarded<CreatePipe>},
    {"makeFifo", Guarded<MakeFifo>},
    {"openFifo", Guarded<OpenFifo>},
    {"adoptFd", Guarded<AdoptFd>},
    {"reopenFd", Guarded<ReopenFd>},
    {"redirectFd", Guarded<RedirectFd>},
    {"setNonBlocking", Guarded<SetNonBlocking>},
    {"waitingBytes", Guarded<WaitingBytes>},
    {"poll", Guarded<Poll>},
    {"createWatcher", Guarded<CreateWatcher>},
    {"availableCpus", Guarded<AvailableCpus>},
    {"currentCpu", Guarded<CurrentCpu>},
    {"leaveCpu", Guarded<LeaveCpu>},
    {"lockFile", Guarded<LockFile>},
    {"getMessageQueue", Guarded<GetMessageQueue>},
    {"attachMessageQueue", Guarded<AttachMessageQueue>},
    {"messageQueueId", Guarded<MessageQueueId>},
    {"sendMessage", Guarded<SendMessage>},
    {"receiveMessage", Guarded<ReceiveMessage>},
    {"awaitMessage", Guarded<AwaitMessage>},
    {"watchWhileAwaiting", Guarded<WatchWhileAwaiting>},
    {"messageQueueStatus", Guarded<MessageQueueStatus>},
    {"setMessageQueueCapacity", Guarded<SetMessageQueueCapacity>},
    {"removeMessageQueue", Guarded<RemoveMessageQueue>},
    {"createMessageThread", Guarded<CreateMessageThread>},
    {"openThread", Guarded<OpenThread>},
    {"takeSignals", Guarded<TakeSignalsFd>},
    {"realTimeSignals", Guarded<RealTimeSignals>},
    {"openProcess", Guarded<OpenProcess>},
    {"openGuard", Guarded<OpenGuard>},
    {"isGuardHeld", Guarded<IsGuardHeld>},
    {"sendSignal", Guarded<SendSignal>},
    {"createPosixMemory", Guarded<CreatePosixMemory>},
    {"openPosixMemory", Guarded<OpenPosixMemory>},
    {"unlinkPosixMemory", Guarded<UnlinkPosixMemory>},
    {"mapShared", Guarded<MapShared>},
    {"lockOpenFile", Guarded<LockOpenFile>},
    {"getSysvMemory", Guarded<GetSysvMemory>},
    {"statSysvMemory", Guarded<StatSysvMemory>},
    {"attachSysvMemory", Guarded<AttachSysvMemory>},
    {"removeSysvMemory", Guarded<RemoveSysvMemory>},
    {"openPosixSemaphore", Guarded<OpenPosixSemaphore>},
    {"unlinkPosixSemaphore", Guarded<UnlinkPosixSemaphore>},
    {"getSysvSemaphores", Guarded<GetSysvSemaphores>},
    {"statSysvSemaphores", Guarded<StatSysvSemaphores>},
    {"removeSysvSemaphores", Guarded<RemoveSysvSemaphores>},
    {"openSysvSemaphore", Guarded<OpenSysvSemaphore>},
    {"blockedThreads", Guarded<BlockedThreads>},
    {"createPosixBell", Guarded<CreatePosixBell>},
    {"createSysvBell", Guarded<CreateSysvBell>},
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  try {
    const std::shared_ptr<State> state = State::Create(env);
    DefineFd(env, *state);
    DefineMapping(env, *state);
    DefineWatcher(env, *state);
    DefineMessageQueue(env, *state);
    DefineMessageThread(env, *state);
    DefineSemaphore(env, *state);
    DefineBell(env, *state);
    for (const Entry& entry : kFunctions) {
      napi_value function = nullptr;
      Check(env, napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, state.get(), &function));
      exports.Set(entry.name, function);
    }
  } catch (const Raised&) {
    // The exception is pending; loading fails with it.
  }
  return exports;
}

}  // namespace

NODE_API_MODULE(callgate, Init)

}  // namespace callgate
