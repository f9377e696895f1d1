# What an actor sends to itself when an answer has come that it does not wait for.

@0xf7aee6b732399149;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola");

struct Answered {
  continuation @0 :UInt64;  # an address within this process
}
