// gRPC in C++ over a Unix socket. Its server and its awaited calls use the callback API, the one that its documentation
// advises for asynchronous use; blocking calls use the synchronous stub.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "greeter.grpc.pb.h"
#include "peer.h"

namespace {

class Service final : public bench::Greeter::CallbackService {
  grpc::ServerUnaryReactor *Greet(grpc::CallbackServerContext *context, const bench::GreetRequest *request,
                                  bench::GreetReply *reply) override {
    reply->set_greeting("Hello, " + request->name());
    reply->set_id(request->id());
    reply->set_data(request->data());
    auto *reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

std::unique_ptr<bench::Greeter::Stub> stub;
std::atomic<uint32_t> turn{0};
std::string data;

void fill(bench::GreetRequest &request) {
  request.set_name("Ada Lovelace");
  request.set_id(65536 + (turn++ & 0xffff));
  request.set_data(data);
}

void check(const grpc::Status &status, const bench::GreetRequest &request, const bench::GreetReply &reply) {
  if (!status.ok()) fail("grpc: " + status.error_message());
  if (reply.id() != request.id() || reply.data().size() != data.size() || reply.greeting() != "Hello, Ada Lovelace")
    fail("grpc: wrong reply");
}

// One of the calls that are always under way.
struct Place {
  Meter &meter;
  std::function<void()> ended;
  std::unique_ptr<grpc::ClientContext> context;
  bench::GreetRequest request;
  bench::GreetReply reply;
  uint64_t start = 0;

  void call() {
    context = std::make_unique<grpc::ClientContext>();
    fill(request);
    start = meter.now();
    stub->async()->Greet(context.get(), &request, &reply, [this](grpc::Status status) {
      uint64_t end = meter.now();
      check(status, request, reply);
      if (meter.done(start, end)) ended();
      else call();
    });
  }
};

}  // namespace

void serve(const Job &job, const std::function<void()> &ready) {
  Service service;
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort("unix:" + job.socket, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  if (!server) fail("grpc: the server cannot listen");
  ready();
  server->Wait();
}

void open_client(const Job &job) {
  grpc::ChannelArguments options;
  options.SetMaxReceiveMessageSize(-1);
  stub = bench::Greeter::NewStub(
      grpc::CreateCustomChannel("unix:" + job.socket, grpc::InsecureChannelCredentials(), options));
  for (size_t i = 0; i < job.data_bytes; i++) data.push_back(char(i * 5));
}

void make_calls(const Job &job, Meter &meter) {
  if (job.blocks) {
    for (;;) {
      grpc::ClientContext context;
      bench::GreetRequest request;
      bench::GreetReply reply;
      fill(request);
      uint64_t start = meter.now();
      grpc::Status status = stub->Greet(&context, request, &reply);
      uint64_t end = meter.now();
      check(status, request, reply);
      if (meter.done(start, end)) return;
    }
  }
  std::mutex mutex;
  std::condition_variable all_ended;
  int left = job.in_flight;
  std::vector<std::unique_ptr<Place>> places;
  auto ended = [&] {
    std::lock_guard lock(mutex);
    if (--left == 0) all_ended.notify_one();
  };
  for (int i = 0; i < job.in_flight; i++) places.emplace_back(new Place{meter, ended, nullptr, {}, {}, 0});
  for (auto &place : places) place->call();
  std::unique_lock lock(mutex);
  all_ended.wait(lock, [&] { return left == 0; });
}
