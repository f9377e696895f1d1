# The second version of older.capnp: fields, a union member, lists that hold structs now. A later
# version of a schema keeps its ids; these differ, since one program can't link two schemas with the
# same id. The bytes of a message have no ids in them.

@0xe1f2d3c4b5a69788;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::test::newer");

struct Reading @0x9a1b2c3d4e5f6072 {
  value @0 :Int32;
  unit @1 :Text = "kg";
  precise @2 :Float64 = 0.5;
}

struct Tag {
  text @0 :Text;
  rank @1 :Int32 = 7;
}

struct Weight {
  kilograms @0 :Float32;
  source @1 :Text;
}

struct Order @0x8b2c3d4e5f607183 {
  item @0 :Text;
  amount @1 :Int32 = 1;
  tags @2 :List(Tag);
  weights @3 :List(Weight);
  reading @4 :Reading;
  readings @5 :List(Reading);
  union {
    open @6 :Void;
    closed @7 :Text;
    moved @8 :Reading;
  }
  priority @9 :UInt16 = 3;
  comment @10 :Text = "none";
  more @11 :List(Order);
}
