# Messages of the benchmarks.

@0xe2b6c1f4a9d07358;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("isola::bench");

struct Add {
  amount @0 : Int64;
}

struct Start {
  count @0 : Int64;
}

struct GetTotal {
}

struct Total {
  value @0 : Int64;
}

struct Ping {
  left @0 : Int64;
}

struct Sample {
  name @0 : Text;
  values @1 : List(Int64);
}

# The address of an actor, as an attachment.
struct Link {
  address @0 : UInt32;
}

# The addresses of all actors, as attachments.
struct Neighbours {
  addresses @0 : List(UInt32);
}

# Of `big`: the place of who asks in the list of neighbours.
struct Question {
  from @0 : UInt32;
}

struct Answer {
}

# Of chameneos: a creature wants to meet another; has met one; will meet none any more.
struct Meet {
  creature @0 : UInt32;
  colour @1 : UInt8;
}

struct Met {
  colour @0 : UInt8;
}

struct Over {
}

struct Payload {
  bytes @0 : Data;
}

# What an actor that measures itself answers.
struct Measured {
  takenNs @0 : Int64;
  count @1 : Int64;
}

struct Latencies {
  nanoseconds @0 : List(UInt32);
}
