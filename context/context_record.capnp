# The entries of a call context that travel with a message.

@0xbf0c1d9a86e24f57;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola");

struct ContextRecord {
  entries @0 :List(Entry);    # innermost first; a name appears once
  logicalId @1 :UInt64 = 1;   # of the logical context; 1: the one that a program begins in
  left @2 :UInt32;            # how many entries had no room, those of low priority first
  callers @3 :List(Caller);   # who sent it, on whose behalf, and so on: under TraceCallers

  struct Caller {
    owner @0 :UInt64;         # the isolate, or thread
    frame @1 :UInt64;         # the frame of it that sent
  }

  struct Entry {
    name @0 :Text;
    value :union {
      text @1 :Text;
      integer @2 :Int64;
      real @3 :Float64;
      boolean @4 :Bool;
    }
    local @5 :Bool;           # it stays in its logical context
    priority @6 :UInt8 = 1;
  }
}
