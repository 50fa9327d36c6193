#include "message-queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "deadline.h"
#include "functions.h"
#include "message-alarm.h"

namespace callgate {
namespace {

constexpr int64_t kLargestType = (int64_t{1} << 53) - 1;
/** A sender that has to wait looks again after this time at first, and twice that each time up to the other. */
constexpr int64_t kFirstPauseNs = 50'000;
constexpr int64_t kLastPauseNs = 4'000'000;

/** A text with the 8 bytes in front of it, in which the kernel expects the type. */
Bytes TextRange(napi_env env, napi_value array, napi_value start, napi_value end, const char* name) {
  const Bytes text = ByteRange(env, array, start, end, name);
  if (Integer(env, start, 0, INT64_MAX, name, "start") < static_cast<int64_t>(kTypeBytes)) {
    FailRange(env, std::string(name) + ": there must be 8 bytes in front of start, for the type");
  }
  return text;
}

}  // namespace

MessageQueueHandle::MessageQueueHandle(State& owner, int queue, bool own)
    : Handle(owner, Kind::kMessageQueue), id(queue), owned(own) {}

MessageQueueHandle::~MessageQueueHandle() = default;

void MessageQueueHandle::Close(napi_env) noexcept {
  if (id < 0) return;
  alarm.reset();
  if (owned) msgctl(id, IPC_RMID, nullptr);
  id = -1;
}

MessageQueueHandle& OpenQueue(napi_env env, State& state, napi_value value, const char* name) {
  Handle* handle = state.Find(env, value, Kind::kMessageQueue);
  if (handle == nullptr) FailType(env, std::string(name) + ": expected a MessageQueueHandle");
  auto& queue = static_cast<MessageQueueHandle&>(*handle);
  if (queue.id < 0) FailErrno(env, name, EBADF, {}, "the queue is closed");
  return queue;
}

void FailQueue(napi_env env, const char* name, int error, int queue) {
  const std::string subject = "queue " + std::to_string(queue);
  if (error == EIDRM || error == EINVAL) FailErrno(env, name, EIDRM, subject, "the queue was removed");
  FailErrno(env, name, error, subject);
}

napi_value GetMessageQueue(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info, "msgget");
  const int64_t key = Integer(env, call.args[0], INT32_MIN, UINT32_MAX, call.name, "key");
  const int64_t how = Integer(env, call.args[1], 0, 2, call.name, "how");
  const int64_t mode = Integer(env, call.args[2], 0, 0777, call.name, "mode");
  const bool owned = Integer(env, call.args[3], 0, 1, call.name, "owned") != 0;
  const int create = how == 0 ? 0 : how == 1 ? IPC_CREAT : IPC_CREAT | IPC_EXCL;
  const int id = msgget(static_cast<key_t>(key), create | static_cast<int>(mode));
  if (id < 0) FailErrno(env, call.name, errno);
  return call.state->Wrap(env, std::make_unique<MessageQueueHandle>(*call.state, id, owned));
}

napi_value AttachMessageQueue(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "msgctl");
  const auto id = static_cast<int>(Integer(env, call.args[0], 0, INT32_MAX, call.name, "id"));
  return call.state->Wrap(env, std::make_unique<MessageQueueHandle>(*call.state, id, false));
}

napi_value MessageQueueId(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "msgget");
  return Int(env, OpenQueue(env, *call.state, call.args[0], call.name).id);
}

// sendMessage(queue, type, bytes, start, end, timeoutMs): true when sent, false when there was no room in time.
napi_value SendMessage(napi_env env, napi_callback_info info) {
  const Call<6> call(env, info, "msgsnd");
  const int id = OpenQueue(env, *call.state, call.args[0], call.name).id;
  const auto type = static_cast<long>(Integer(env, call.args[1], 1, kLargestType, call.name, "type"));
  const Bytes text = TextRange(env, call.args[2], call.args[3], call.args[4], call.name);
  const Deadline deadline(env, call.args[5], call.name);
  uint8_t* message = text.data - kTypeBytes;
  memcpy(message, &type, kTypeBytes);
  int64_t pause = kFirstPauseNs;
  int64_t looked = 0;
  while (msgsnd(id, message, text.length, IPC_NOWAIT) != 0) {
    if (errno == EINTR) continue;
    msqid_ds found;
    if (errno == EINVAL && msgctl(id, IPC_STAT, &found) == 0) {
      FailErrno(env, call.name, EMSGSIZE, "queue " + std::to_string(id),
                "a message of " + std::to_string(text.length) + " bytes is over the system's limit (kernel.msgmax)");
    }
    if (errno != EAGAIN) FailQueue(env, call.name, errno, id);
    const int64_t left = deadline.LeftNs();
    if (left == 0) return Bool(env, false);
    // The kernel would queue senders, but has no deadline for them.
    const int64_t sleep = left < pause ? left : pause;
    const timespec time = {0, static_cast<long>(sleep)};
    nanosleep(&time, nullptr);
    pause = pause * 2 < kLastPauseNs ? pause * 2 : kLastPauseNs;
    looked += sleep;
    if (call.state->is_worker && looked > kWorkerSliceNs) {
      looked = 0;
      if (State::Ending(env)) return nullptr;
    }
  }
  return Bool(env, true);
}

// receiveMessage(queue, type, bytes, start, end, spinUs): length, or -1 when none is there; never sleeps. Looks again for
// `spinUs`, and lets others run in between.
napi_value ReceiveMessage(napi_env env, napi_callback_info info) {
  const Call<6> call(env, info, "msgrcv");
  const int id = OpenQueue(env, *call.state, call.args[0], call.name).id;
  const auto type = static_cast<long>(Integer(env, call.args[1], -kLargestType, kLargestType, call.name, "type"));
  const Bytes text = TextRange(env, call.args[2], call.args[3], call.args[4], call.name);
  const int64_t spin = Integer(env, call.args[5], 0, 1'000'000, call.name, "spinUs") * 1000;
  int64_t until = 0;
  for (;;) {
    const ssize_t got = msgrcv(id, text.data - kTypeBytes, text.length, type, IPC_NOWAIT | MSG_NOERROR);
    if (got >= 0) return Int(env, static_cast<int32_t>(got));
    if (errno == EINTR) continue;
    if (errno != ENOMSG) FailQueue(env, call.name, errno, id);
    if (spin == 0) return Int(env, -1);
    const int64_t now = NowNs();
    if (until == 0) until = now + spin;
    if (now >= until) return Int(env, -1);
    sched_yield();
  }
}

// awaitMessage(queue, bytes, start, end, timeoutMs): length, -1 on timeout, -2 when a watched descriptor is readable. For
// queues that only this thread receives from.
napi_value AwaitMessage(napi_env env, napi_callback_info info) {
  const Call<5> call(env, info, "msgrcv");
  MessageQueueHandle& queue = OpenQueue(env, *call.state, call.args[0], call.name);
  const Bytes text = TextRange(env, call.args[1], call.args[2], call.args[3], call.name);
  const Deadline deadline(env, call.args[4], call.name);
  uint8_t* message = text.data - kTypeBytes;
  int64_t left = deadline.LeftNs();
  if (queue.alarm == nullptr && (call.state->is_worker || (left != kNever && left != 0))) {
    auto alarm = std::make_unique<MessageAlarm>(queue.id);
    const int error = alarm->Start();
    if (error != 0) FailErrno(env, "pthread_create", error, {}, "no thread could be made that ends the wait");
    queue.alarm = std::move(alarm);
  }
  for (;;) {
    if (queue.alarm != nullptr && left != 0) {
      const int64_t slice = call.state->is_worker && left > kWorkerSliceNs ? kWorkerSliceNs : left;
      queue.alarm->Begin(slice == kNever ? kNever : NowNs() + slice);
    }
    const ssize_t got = msgrcv(queue.id, message, text.length, 0, MSG_NOERROR | (left == 0 ? IPC_NOWAIT : 0));
    const int error = errno;
    if (queue.alarm != nullptr) queue.alarm->End();
    if (got >= 0) {
      long type = 0;
      memcpy(&type, message, kTypeBytes);
      if (type != kNudgeType) return Int(env, static_cast<int32_t>(got));
    } else if (error != EINTR && error != ENOMSG) {
      FailQueue(env, call.name, error, queue.id);
    }
    if (queue.alarm != nullptr && queue.alarm->rung()) return Int(env, -2);
    if (got < 0 && error == ENOMSG) return Int(env, -1);
    if (call.state->is_worker && State::Ending(env)) return nullptr;
    // With nothing left, what is there now is still taken.
    left = deadline.LeftNs();
  }
}

// watchWhileAwaiting(queue, ...fds): at most 8. The caller keeps them; the alarm has copies of its own.
napi_value WatchWhileAwaiting(napi_env env, napi_callback_info info) {
  const Call<9> call(env, info, "dup");
  MessageQueueHandle& queue = OpenQueue(env, *call.state, call.args[0], call.name);
  if (queue.alarm == nullptr) {
    auto alarm = std::make_unique<MessageAlarm>(queue.id);
    const int error = alarm->Start();
    if (error != 0) FailErrno(env, "pthread_create", error, {}, "no thread could be made that ends the wait");
    queue.alarm = std::move(alarm);
  }
  std::vector<int> copies;
  for (size_t i = 1; i < call.count && i < 9; i += 1) {
    const int copy = fcntl(OpenFd(env, *call.state, call.args[i], call.name).number, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
      const int error = errno;
      for (const int fd : copies) close(fd);
      FailErrno(env, call.name, error);
    }
    copies.push_back(copy);
  }
  queue.alarm->Watch(std::move(copies));
  return Undefined(env);
}

namespace {

void SetNumber(napi_env env, napi_value object, const char* name, double number) {
  napi_value value = nullptr;
  Check(env, napi_create_double(env, number, &value));
  Check(env, napi_set_named_property(env, object, name, value));
}

}  // namespace

napi_value MessageQueueStatus(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "msgctl");
  const int id = OpenQueue(env, *call.state, call.args[0], call.name).id;
  msqid_ds found;
  if (msgctl(id, IPC_STAT, &found) != 0) FailQueue(env, call.name, errno, id);
  napi_value object = nullptr;
  Check(env, napi_create_object(env, &object));
  SetNumber(env, object, "messages", static_cast<double>(found.msg_qnum));
  SetNumber(env, object, "bytes", static_cast<double>(found.__msg_cbytes));
  SetNumber(env, object, "capacityBytes", static_cast<double>(found.msg_qbytes));
  SetNumber(env, object, "lastSender", found.msg_lspid);
  SetNumber(env, object, "lastReceiver", found.msg_lrpid);
  SetNumber(env, object, "uid", found.msg_perm.uid);
  SetNumber(env, object, "gid", found.msg_perm.gid);
  SetNumber(env, object, "creatorUid", found.msg_perm.cuid);
  SetNumber(env, object, "creatorGid", found.msg_perm.cgid);
  SetNumber(env, object, "mode", found.msg_perm.mode & 0777);
  SetNumber(env, object, "key", static_cast<uint32_t>(found.msg_perm.__key));
  return object;
}

napi_value SetMessageQueueCapacity(napi_env env, napi_callback_info info) {
  const Call<2> call(env, info, "msgctl");
  const int id = OpenQueue(env, *call.state, call.args[0], call.name).id;
  const int64_t bytes = Integer(env, call.args[1], 1, INT32_MAX, call.name, "bytes");
  msqid_ds found;
  if (msgctl(id, IPC_STAT, &found) != 0) FailQueue(env, call.name, errno, id);
  found.msg_qbytes = static_cast<msglen_t>(bytes);
  if (msgctl(id, IPC_SET, &found) != 0) FailQueue(env, call.name, errno, id);
  return Undefined(env);
}

napi_value RemoveMessageQueue(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info, "msgctl");
  const int id = OpenQueue(env, *call.state, call.args[0], call.name).id;
  if (msgctl(id, IPC_RMID, nullptr) == 0) return Bool(env, true);
  if (errno == EIDRM || errno == EINVAL) return Bool(env, false);
  FailQueue(env, call.name, errno, id);
}

namespace {

napi_value CloseMessageQueue(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info, "close");
  Handle* handle = call.state->Find(env, call.self, Kind::kMessageQueue);
  if (handle == nullptr) FailType(env, "not a MessageQueueHandle");
  handle->Close(env);
  return Undefined(env);
}

}  // namespace

void DefineMessageQueue(napi_env env, State& state) {
  const napi_property_descriptor properties[] = {
      {"close", nullptr, Guarded<CloseMessageQueue>, nullptr, nullptr, nullptr, napi_default_method, &state},
  };
  DefineClass(env, state, Kind::kMessageQueue, "MessageQueueHandle", 1, properties);
}

}  // namespace callgate
