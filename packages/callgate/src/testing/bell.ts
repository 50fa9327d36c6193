import { loadProtos } from '../load.js';

const proto = `
  syntax = "proto3";
  package house;
  import "callgate/options.proto";
  import "google/protobuf/empty.proto";

  service Bell {
    rpc Ring(google.protobuf.Empty) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
    rpc Visit(Guest) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
    rpc Chill(Degrees) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
  }
  service Grown {
    rpc Knock(google.protobuf.Empty) returns (google.protobuf.Empty) { option (callgate.oneway) = true; }
  }
  service Chime {
    rpc Strike(google.protobuf.Empty) returns (google.protobuf.Empty) {
      option (callgate.oneway) = true;
      option (callgate.signal) = "SIGUSR2";
    }
    rpc Count(Guest) returns (google.protobuf.Empty) {
      option (callgate.oneway) = true;
      option (callgate.signal) = "RT+5";
    }
  }
  service Shut {
    rpc Down(google.protobuf.Empty) returns (google.protobuf.Empty) {
      option (callgate.oneway) = true;
      option (callgate.signal) = "SIGTERM";
    }
  }
  service Answered { rpc Ask(Guest) returns (Guest); }

  message Guest { uint32 number = 1; }
  message Degrees { sint32 celsius = 200; }
`;

const protos = loadProtos({ sources: { 'house.proto': proto } });

export const Bell = protos.service('house.Bell');
export const Grown = protos.service('house.Grown');
export const Chime = protos.service('house.Chime');
export const Shut = protos.service('house.Shut');
export const Answered = protos.service('house.Answered');
