# The entries of a call context that travel with a message.

@0xbf0c1d9a86e24f57;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola");

struct ContextRecord {
  entries @0 :List(Entry);    # innermost first; a name appears once

  struct Entry {
    name @0 :Text;
    value :union {
      text @1 :Text;
      integer @2 :Int64;
      real @3 :Float64;
      boolean @4 :Bool;
    }
  }
}
