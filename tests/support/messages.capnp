# Messages of the tests.

@0x9c3e5d7f1a2b4c68;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::test");

struct Number {
  value @0 :Int64;
}

struct GetTotal {}

struct Total {
  value @0 :Int64;
}

struct Note {
  text @0 :Text;
}

struct Texts {
  lines @0 :List(Text);
}

struct Numbers {
  values @0 :List(Int64);
}

struct Point {
  x @0 :Float64 = 1.5;
  y @1 :Float64;
  tag @2 :UInt16;
  set @3 :Bool;
}

struct Sample {
  small @0 :Int32;
  large @1 :Int64;
  flag @2 :Bool;
  text @3 :Text;
}

struct Value {
  number @0 :Int64;
  bytes @1 :Data;
}

# One of each kind of field.
struct Every {
  int8 @0 :Int8 = -1;
  int16 @1 :Int16;
  int32 @2 :Int32;
  int64 @3 :Int64;
  uint8 @4 :UInt8 = 255;
  uint16 @5 :UInt16;
  uint32 @6 :UInt32;
  uint64 @7 :UInt64;
  float32 @8 :Float32;
  float64 @9 :Float64 = 1.5;
  text @10 :Text = "as in the schema";
  data @11 :Data;
  numbers @12 :List(Int64);
  nested @13 :Every;
  lists @14 :List(List(Int32));
  items @15 :List(Sample);
  attached @16 :UInt32;
}
