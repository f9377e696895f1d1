# What is known of a failure once it has left the actor in which it happened.

@0xd1a4f0c9b2e57a13;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola");

struct ErrorRecord {
  code @0 :UInt16;            # isola::Code
  type @1 :Text;              # of the exception, as C++ spells it: "std::out_of_range"
  message @2 :Text;           # what it said; a cut is marked by a final "…"
  actor @3 :Text;             # name of the isolate in which it happened
  actorId @4 :UInt64;
  messageType @5 :Text;       # of the message that was being handled, if any
  messageTypeId @6 :UInt64;
}
