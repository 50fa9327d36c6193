# greeter.proto, as Cap'n Proto has it.
@0xb1d0a7c3f5e29846;

interface Greeter {
  greet @0 (name :Text, id :Int32, data :Data) -> (greeting :Text, id :Int32, data :Data);
}
