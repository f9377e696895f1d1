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
  category @7 :Text;          # of its std::error_code, if it has one: "system"
  value @8 :Int64;            # of its std::error_code
  frames @9 :List(Frame);     # where it was thrown, the innermost first
  causes @10 :List(Cause);    # what it was thrown because of, the nearest first
  context @11 :List(Entry);   # of the call, the innermost first; secrets without their values
  path @12 :Text;             # its supervisors and it: "farm/workers/crunch-3"
  restarts @13 :UInt32;       # how often the actor had been started anew before
  timeNs @14 :Int64;          # since 1970; in a System with a seed since its start
  heapBytes @15 :UInt64;      # that lived on the actor's heap when it was caught
  heapPeakBytes @16 :UInt64;
  heapQuotaBytes @17 :UInt64; # 0: it has none

  struct Frame {
    pc @0 :UInt64;            # of the call or the throw, in the process where it happened
    function @1 :Text;        # these three only once somebody has looked
    file @2 :Text;
    line @3 :UInt32;
  }
  struct Cause {
    type @0 :Text;
    message @1 :Text;
    actor @2 :Text;           # if it came from another isolate
    category @3 :Text;
    value @4 :Int64;
    frames @5 :List(Frame);
  }
  struct Entry {
    name @0 :Text;
    value @1 :Text;
  }
}
