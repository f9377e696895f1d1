# What the counter of main.cc understands.
@0xd0a7f7d3a1c5b2e9;

struct Add {
  amount @0 :Int64;
}

struct GetTotal {}

struct Total {
  value @0 :Int64;
}
