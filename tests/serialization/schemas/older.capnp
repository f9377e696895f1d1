# The first version of a schema; newer.capnp has the second one of it.

@0xd0f1e2d3c4b5a697;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::test::older");

# Flat here, not flat there.
struct Reading @0x9a1b2c3d4e5f6071 {
  value @0 :Int32;
}

struct Order @0x8b2c3d4e5f607182 {
  item @0 :Text;
  amount @1 :Int32 = 1;
  tags @2 :List(Text);
  weights @3 :List(Float32);
  reading @4 :Reading;
  readings @5 :List(Reading);
  union {
    open @6 :Void;
    closed @7 :Text;
  }
}
