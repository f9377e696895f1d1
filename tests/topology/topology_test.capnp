# Messages and arguments of the behaviours that the topology tests use.

@0xe4c7a52d04f1b6c9;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::topology::test");

struct Item {
  text @0 :Text;
  number @1 :Int64;
  list @2 :List(Text);
  flag @3 :Bool;
}

struct Total {
  value @0 :Int64;
}

enum Colour {
  red @0;
  green @1;
  darkBlue @2;
}

struct Args {
  text @0 :Text;
  int8 @1 :Int8;
  uint8 @2 :UInt8;
  int64 @3 :Int64;
  uint64 @4 :UInt64;
  float32 @5 :Float32;
  float64 @6 :Float64;
  boolean @7 :Bool;
  colour @8 :Colour;
  texts @9 :List(Text);
  matrix @10 :List(List(UInt8));
  limits @11 :Limits;
  parts @12 :List(Limits);
  data @13 :Data;
  pointer @14 :AnyPointer;
  colours @15 :List(Colour);
  union {
    none @16 :Void;
    path @17 :Text;
    port @18 :UInt16;
  }

  struct Limits {
    least @0 :Int32;
    most @1 :Int32 = 7;
  }
}
