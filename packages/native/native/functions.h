// Every function of the addon, by file. Each is declared for JavaScript in src/addon.ts.
#pragma once
#include "args.h"
#include "errno.h"
#include "fd.h"

namespace callgate {

#define CALLGATE_FUNCTION(Name) napi_value Name(napi_env env, napi_callback_info info)

// memory.cc
CALLGATE_FUNCTION(CreateMemfd);
CALLGATE_FUNCTION(MapMemfd);
CALLGATE_FUNCTION(FdBytes);
void DefineMapping(napi_env env, State& state);
// io.cc
CALLGATE_FUNCTION(Read);
CALLGATE_FUNCTION(Write);
// socket.cc
CALLGATE_FUNCTION(ListenUnix);
CALLGATE_FUNCTION(Accept);
CALLGATE_FUNCTION(ConnectUnix);
CALLGATE_FUNCTION(PeerCredentials);
CALLGATE_FUNCTION(ShutdownSocket);
CALLGATE_FUNCTION(UnreadBytes);
// tcp.cc
CALLGATE_FUNCTION(ListenTcp);
CALLGATE_FUNCTION(ConnectTcp);
CALLGATE_FUNCTION(FinishConnect);
CALLGATE_FUNCTION(TuneTcp);
CALLGATE_FUNCTION(EndSocket);
CALLGATE_FUNCTION(SilentMs);
CALLGATE_FUNCTION(InetAddressOf);
CALLGATE_FUNCTION(LookUpHost);
// udp.cc
CALLGATE_FUNCTION(BindUdp);
CALLGATE_FUNCTION(ConnectUdp);
CALLGATE_FUNCTION(ForkUdp);
CALLGATE_FUNCTION(ReceiveFrom);
CALLGATE_FUNCTION(SendTo);
// scm.cc
CALLGATE_FUNCTION(SendWithFds);
CALLGATE_FUNCTION(ReceiveWithFds);
// pipe.cc
CALLGATE_FUNCTION(CreatePipe);
CALLGATE_FUNCTION(MakeFifo);
CALLGATE_FUNCTION(OpenFifo);
CALLGATE_FUNCTION(AdoptFd);
CALLGATE_FUNCTION(ReopenFd);
CALLGATE_FUNCTION(RedirectFd);
CALLGATE_FUNCTION(SetNonBlocking);
CALLGATE_FUNCTION(WaitingBytes);
// poll.cc
CALLGATE_FUNCTION(Poll);
// watcher.cc
CALLGATE_FUNCTION(CreateWatcher);
void DefineWatcher(napi_env env, State& state);
// system.cc
CALLGATE_FUNCTION(AvailableCpus);
CALLGATE_FUNCTION(CurrentCpu);
CALLGATE_FUNCTION(LeaveCpu);
// lock.cc
CALLGATE_FUNCTION(LockFile);
// message-queue.cc, message-thread.cc
CALLGATE_FUNCTION(GetMessageQueue);
CALLGATE_FUNCTION(AttachMessageQueue);
CALLGATE_FUNCTION(MessageQueueId);
CALLGATE_FUNCTION(SendMessage);
CALLGATE_FUNCTION(ReceiveMessage);
CALLGATE_FUNCTION(AwaitMessage);
CALLGATE_FUNCTION(WatchWhileAwaiting);
CALLGATE_FUNCTION(MessageQueueStatus);
CALLGATE_FUNCTION(SetMessageQueueCapacity);
CALLGATE_FUNCTION(RemoveMessageQueue);
CALLGATE_FUNCTION(CreateMessageThread);
void DefineMessageQueue(napi_env env, State& state);
void DefineMessageThread(napi_env env, State& state);
// thread.cc
CALLGATE_FUNCTION(OpenThread);
// signal.cc
CALLGATE_FUNCTION(TakeSignalsFd);
CALLGATE_FUNCTION(RealTimeSignals);
CALLGATE_FUNCTION(OpenProcess);
CALLGATE_FUNCTION(OpenGuard);
CALLGATE_FUNCTION(IsGuardHeld);
CALLGATE_FUNCTION(SendSignal);
// shared-memory.cc
CALLGATE_FUNCTION(CreatePosixMemory);
CALLGATE_FUNCTION(OpenPosixMemory);
CALLGATE_FUNCTION(UnlinkPosixMemory);
CALLGATE_FUNCTION(MapShared);
CALLGATE_FUNCTION(LockOpenFile);
CALLGATE_FUNCTION(GetSysvMemory);
CALLGATE_FUNCTION(StatSysvMemory);
CALLGATE_FUNCTION(AttachSysvMemory);
CALLGATE_FUNCTION(RemoveSysvMemory);
// semaphore.cc, semaphore-posix.cc, semaphore-sysv.cc
CALLGATE_FUNCTION(OpenPosixSemaphore);
CALLGATE_FUNCTION(UnlinkPosixSemaphore);
CALLGATE_FUNCTION(GetSysvSemaphores);
CALLGATE_FUNCTION(StatSysvSemaphores);
CALLGATE_FUNCTION(RemoveSysvSemaphores);
CALLGATE_FUNCTION(OpenSysvSemaphore);
CALLGATE_FUNCTION(BlockedThreads);
void DefineSemaphore(napi_env env, State& state);
// bell.cc, bell-create.cc
CALLGATE_FUNCTION(CreatePosixBell);
CALLGATE_FUNCTION(CreateSysvBell);
void DefineBell(napi_env env, State& state);

}  // namespace callgate
