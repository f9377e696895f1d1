# What a counter takes and answers.

@0xf0a3d27c5b1e4986;

struct Add {
  amount @0 :Int64;
}

struct GetTotal {}

struct Total {
  value @0 :Int64;
}
