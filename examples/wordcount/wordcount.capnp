# What the actors of the word count are given and tell each other.

@0xcc3fa80ce4d1e7a5;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("wordcount");

struct ReaderArgs {
  paths @0 :List(Text);  # files, and directories whose regular files are meant, at any depth
}

struct ReportArgs {
  top @0 :UInt32 = 20;  # how many words to show; 0: all
  plain @1 :Bool;       # only lines of the form `count word`, for programs to read
}

# A maximal run of ASCII letters, in lower case.
struct Word {
  text @0 :Text;
}

# How far the reader has come: after each file, and within long ones.
struct Progress {
  bytes @0 :UInt64;  # since the last Progress
  words @1 :UInt64;  # since the last Progress
  state @2 :State;

  enum State {
    reading @0;
    done @1;    # the file was read to its end
    failed @2;  # it was not; an error says why
  }
}

# Part of what a counter has counted.
struct Counts {
  counts @0 :List(Count);

  struct Count {
    word @0 :Text;
    count @1 :UInt64;
  }
}
