# What the tests of foreign bytes read: each kind of field, and structs that nest.

@0xb7c1d2e3f4a59680;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::test");

enum Colour {
  red @0;
  green @1;
}

struct Everything {
  flag @0 :Bool;
  small @1 :Int8 = -3;
  wide @2 :UInt64;
  real @3 :Float64;
  colour @4 :Colour;
  text @5 :Text;
  data @6 :Data;
  child @7 :Everything;
  children @8 :List(Everything);
  flags @9 :List(Bool);
  numbers @10 :List(Int32);
  texts @11 :List(Text);
  rows @12 :List(List(UInt16));
  voids @13 :List(Void);
  colours @14 :List(Colour);
  union {
    none @15 :Void;
    note @16 :Text;
    shape :group {
      name @17 :Text;
      corners @18 :List(Corner);
    }
    amount @19 :Int64;
  }
  any @20 :AnyPointer;
  anyStruct @21 :AnyStruct;
  anyList @22 :AnyList;
}

struct Corner {
  x @0 :Float32;
  y @1 :Float32;
}

struct Tree {
  left @0 :Tree;
  right @1 :Tree;
  leaf @2 :Int64;
}

struct Box(T) {
  content @0 :T;
  struct Lid {
    inside @0 :T;
  }
}

interface Caller {
  call @0 ();
}

struct WithCapability {
  caller @0 :Caller;
  callers @1 :List(Caller);
}
