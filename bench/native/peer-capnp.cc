// Cap'n Proto RPC in C++ over a Unix socket, one event loop on each side, by the classes that its documentation begins
// with. A blocking call is one whose promise is waited for.
#include <capnp/ez-rpc.h>
#include <kj/debug.h>
#include <sys/prctl.h>

#include <cstring>
#include <memory>

#include "greeter.capnp.h"
#include "peer.h"

namespace {

class Service final : public Greeter::Server {
  kj::Promise<void> greet(GreetContext context) override {
    auto params = context.getParams();
    auto results = context.getResults();
    auto greeting = kj::str("Hello, ", params.getName());
    results.setGreeting(greeting);
    results.setId(params.getId());
    results.setData(params.getData());
    return kj::READY_NOW;
  }
};

std::unique_ptr<capnp::EzRpcClient> client;
std::string data;
uint32_t turn = 0;

capnp::Data::Reader bytes() { return {reinterpret_cast<const kj::byte *>(data.data()), data.size()}; }

kj::Promise<void> call(Greeter::Client &greeter, Meter &meter, bool &last) {
  uint64_t start = meter.now();
  auto request = greeter.greetRequest();
  int32_t id = 65536 + (turn++ & 0xffff);
  request.setName("Ada Lovelace");
  request.setId(id);
  request.setData(bytes());
  return request.send().then([&meter, &last, start, id](capnp::Response<Greeter::GreetResults> &&reply) {
    uint64_t end = meter.now();
    if (reply.getId() != id || reply.getData().size() != data.size() || reply.getGreeting() != "Hello, Ada Lovelace")
      fail("capnp: wrong reply");
    last = meter.done(start, end);
  });
}

kj::Promise<void> place(Greeter::Client &greeter, Meter &meter, bool &last) {
  return call(greeter, meter, last).then([&greeter, &meter, &last]() -> kj::Promise<void> {
    if (last) return kj::READY_NOW;
    return place(greeter, meter, last);
  });
}

capnp::ReaderOptions any_size() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 1ull << 40;
  return options;
}

}  // namespace

void serve(const Job &job, const std::function<void()> &ready) {
  capnp::EzRpcServer server(kj::heap<Service>(), kj::str("unix:", job.socket.c_str()), 0, any_size());
  auto &wait = server.getWaitScope();
  server.getPort().wait(wait);
  ready();
  kj::NEVER_DONE.wait(wait);
}

void open_client(const Job &job) {
  client = std::make_unique<capnp::EzRpcClient>(kj::str("unix:", job.socket.c_str()), 0, any_size());
  for (size_t i = 0; i < job.data_bytes; i++) data.push_back(char(i * 5));
}

void make_calls(const Job &job, Meter &meter) {
  auto &wait = client->getWaitScope();
  auto greeter = client->getMain<Greeter>();
  bool last = false;
  if (job.blocks) {
    while (!last) call(greeter, meter, last).wait(wait);
    return;
  }
  kj::Vector<kj::Promise<void>> places;
  for (int i = 0; i < job.in_flight; i++) places.add(place(greeter, meter, last));
  kj::joinPromises(places.releaseAsArray()).wait(wait);
}
