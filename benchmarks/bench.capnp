#Messages of the benchmarks.

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
