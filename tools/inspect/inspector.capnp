# What the inspector and a running program say to each other, over a Unix socket.
#
# A client says hello first, with the version that it speaks; then it asks for the actors, page by
# page. Another major version is refused by both sides: whatever follows would be misunderstood.
# A minor version adds fields and methods that the other side may ignore.

@0xda427fb445972fc3;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::inspect::rpc");

const major :UInt16 = 1;
const minor :UInt16 = 0;

struct Version {
  major @0 :UInt16;
  minor @1 :UInt16;
}

interface Inspector {
  hello @0 (client :Version) -> (server :Version, refusal :Text, process :Process);
  # The server's version is always told. If it refuses the client's, `refusal` says why, there is
  # no `process`, and no other method will answer.

  actors @1 (cursor :UInt64, max :UInt32) -> (actors :List(Actor), next :UInt64);
  # From `cursor` on (0: the beginning); at most `max`, and at most what the server allows.
  # `next` is larger than `cursor`, or 0 at the end.
}

struct Process {
  pid @0 :UInt32;
  name @1 :Text;         # of the program
  system @2 :Text;       # of the isola::System
  startedMs @3 :UInt64;  # when its agent was started, in milliseconds since 1970
  workers @4 :UInt32;
  actorCount @5 :UInt64;  # alive when hello was answered
}

struct Actor {
  id @0 :UInt64;         # in the order of their start
  name @1 :Text;         # empty if it was given none
  type @2 :Text;
  state @3 :Text;        # "idle", "ready", "running", "blocked", "ended"
  waitsFor @4 :Text;     # of a blocked one: "reply of 7", "channel", "sleep"; else empty
  inbox @5 :UInt64;      # messages that wait
  handled @6 :UInt64;
  heapBytes @7 :UInt64;
  restarts @8 :UInt64;
}

struct Listing {
  # What `isola ps --json` prints, in Cap'n Proto's JSON but for this: 64-bit numbers are numbers,
  # not strings. The order of the fields in an object is not fixed.
  programs @0 :List(Program);
  struct Program {
    socket @0 :Text;  # path
    process @1 :Process;
    actors @2 :List(Actor);  # by id
  }
}
