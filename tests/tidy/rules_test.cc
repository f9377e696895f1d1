// Each rule of the tidiness check finds what is planted for it, and nothing in what is right.
#include "rules.h"

#include <gtest/gtest.h>

namespace isola::tidy {
namespace {

using std::string;

const Findings none;

TEST(CodeOf, BlanksCommentsAndLiteralsAndKeepsPositions) {
  EXPECT_EQ(code_of("a; // b\nc;"), "a;     \nc;");
  EXPECT_EQ(code_of("a /* b\n c */ d"), "a     \n      d");
  EXPECT_EQ(code_of(R"(f("x // \" y"), 'c', '\'');)"), "f(           ),    ,     );");
  EXPECT_EQ(code_of("x = R\"y(\" )\" // )y\" + z;"), "x = R               + z;");
  EXPECT_EQ(code_of("1'000 + x; // it's\n'a'"), "1'000 + x;        \n   ");
  EXPECT_EQ(code_of("#error don't\nb"), "#error don  \nb");
}

TEST(IncludesOf, ListsIncludesOutsideOfCommentsAndStrings) {
  const auto includes = includes_of(
      "// #include <a>\n"
      "#include \"b.h\"\n"
      "  #  include <c/d.h>  // why\n"
      "/*\n#include <e>\n*/\n"
      "auto x = R\"(\n#include <f>\n)\";\n");
  ASSERT_EQ(includes.size(), 2u);
  EXPECT_EQ(includes[0].name, "b.h");
  EXPECT_EQ(includes[0].line, 2);
  EXPECT_FALSE(includes[0].angle);
  EXPECT_EQ(includes[1].name, "c/d.h");
  EXPECT_EQ(includes[1].line, 3);
  EXPECT_TRUE(includes[1].angle);
}

TEST(Layers, ALayerMayNotIncludeOneToItsRight) {
  EXPECT_EQ(check_layers({"channels/channel.h", "// x\n#include <isola/actors/heap.h>\n"}),
            Findings{"channels/channel.h:2: includes <isola/actors/heap.h>: channels may include "
                     "only serialization, context"});
  EXPECT_EQ(check_layers({"serialization/pool.cc", "#include \"isola/context/key.h\"\n"}),
            Findings{"serialization/pool.cc:1: includes \"isola/context/key.h\": serialization "
                     "may include no other folder"});
  EXPECT_EQ(check_layers({"context/key.h", "#include <isola/isola.h>\n"}),
            Findings{"context/key.h:1: includes <isola/isola.h>: context may include only "
                     "serialization"});
  EXPECT_EQ(check_layers({"actors/detail/worker.h", "#include <isola/tools/inspect/agent.h>\n"}),
            Findings{"actors/detail/worker.h:1: includes <isola/tools/inspect/agent.h>: actors "
                     "may include only serialization, context, channels"});
}

TEST(Layers, ALayerMayNotIncludeTestsOrExamples) {
  EXPECT_EQ(check_layers({"tools/isola/main.cc", "#include <isola/examples/words.h>\n"}).size(),
            1u);
}

TEST(Layers, SchemasKeepTheLawToo) {
  EXPECT_EQ(check_layers({"serialization/error.capnp",
                          "using C = import \"/isola/context/record.capnp\";\n"}),
            Findings{"serialization/error.capnp:1: includes <isola/context/record.capnp>: "
                     "serialization may include no other folder"});
  EXPECT_EQ(check_layers({"context/record.capnp",
                          "# import \"/isola/actors/x.capnp\"\n"
                          "using E = import \"/isola/serialization/error.capnp\";\n"
                          "using Cxx = import \"/capnp/c++.capnp\";\n"
                          "using K = import \"key.capnp\";\n"}),
            none);
}

TEST(Layers, NobodyReachesAnotherFolderByARelativePath) {
  EXPECT_EQ(check_layers({"channels/channel.cc", "#include \"../context/key.h\"\n"}),
            Findings{"channels/channel.cc:1: includes \"../context/key.h\" by a relative path: "
                     "write <isola/...>"});
  EXPECT_EQ(check_layers({"channels/channel.cc", "#include \"context/key.h\"\n"}).size(), 1u);
  EXPECT_EQ(
      check_layers({"tests/context/key_test.cc", "#include \"../../context/key.h\"\n"}).size(), 1u);
  EXPECT_EQ(check_layers({"examples/words/main.cc", "#include \"../../../outside.h\"\n"}).size(),
            1u);
}

TEST(Layers, ALayerMayIncludeItselfWhatIsToItsLeftAndOthersLibraries) {
  EXPECT_EQ(check_layers({"channels/detail/core.h",
                          "#include <isola/channels/waiter.h>\n"
                          "#include <isola/serialization/message.h>\n"
                          "#include \"../waiter.h\"\n"
                          "#include \"ring.h\"\n"
                          "// #include <isola/actors/heap.h>\n"
                          "#include <capnp/message.h>\n"}),
            none);
  EXPECT_EQ(check_layers({"tools/isola/main.cc", "#include <isola/isola.h>\n"}), none);
  EXPECT_EQ(check_layers({"tests/context/key_test.cc",
                          "#include <isola/context/key.h>\n"
                          "#include <isola/tools/topology/plan.h>\n"
                          "#include \"../support/seed.h\"\n"}),
            none);
}

TEST(Opening, AHeaderNeedsPragmaOnceOutsideOfItsComments) {
  EXPECT_EQ(check_opening({"context/key.h", "// A key.\n// #pragma once\nclass Key;\n"}),
            Findings{"context/key.h:1: has no #pragma once"});
  EXPECT_EQ(check_opening({"context/key.h", "// A key.\n#pragma once\n"}), none);
}

TEST(Opening, HeadersAndSourcesOpenWithAComment) {
  EXPECT_EQ(check_opening({"context/key.cc", "#include \"key.h\"\n"}),
            Findings{"context/key.cc:1: does not open with a comment that says what it is"});
  EXPECT_EQ(check_opening({"context/key.h", "\n// A key.\n#pragma once\n"}).size(), 1u);
  EXPECT_EQ(check_opening({"context/key.cc", "/* A key. */\n"}), none);
}

TEST(Lines, MayHaveAHundredColumnsAndNotMore) {
  EXPECT_EQ(check_lines({"context/key.cc", "\n" + string(101, 'x') + "\n"}),
            Findings{"context/key.cc:2: has 101 columns; at most 100"});
  EXPECT_EQ(check_lines({"CMakeLists.txt", string(101, 'x')}).size(), 1u);
  EXPECT_EQ(check_lines({"context/key.cc", string(100, 'x') + "\n"}), none);
  string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\u00e4";
  EXPECT_EQ(check_lines({"context/key.cc", umlauts}), none) << "columns are not bytes";
  EXPECT_EQ(check_lines({"docs/index.md", string(500, 'x')}), none) << "a paragraph is one line";
}

TEST(Lines, HaveNoTabsAndDoNotEndInBlanks) {
  EXPECT_EQ(check_lines({"context/key.cc", "\tx\n"}), Findings{"context/key.cc:1: has a tab"});
  EXPECT_EQ(check_lines({"context/key.cc", "x \n"}), Findings{"context/key.cc:1: ends in blanks"});
  EXPECT_EQ(check_lines({"README.md", "x\r\n"}), Findings{"README.md:1: ends in blanks"});
}

TEST(Length, PastFourHundredLinesAFileIsReported) {
  string text;
  for (int i = 0; i < 400; ++i) text += "x\n";
  EXPECT_EQ(check_length({"context/key.cc", text}), none);
  EXPECT_EQ(check_length({"context/key.cc", text + "x\n"}),
            Findings{"context/key.cc:1: has 401 lines; past 400 split it, or say why not in "
                     "tests/tidy/rules.cc"});
}

TEST(Sync, OnlyTheSeamNamesAtomicsLocksAndTheFutex) {
  EXPECT_EQ(check_sync({"channels/core.h", "int x;\nstd::atomic<int> y;\n"}),
            Findings{"channels/core.h:2: names std::atomic: only serialization/sync.h may; use "
                     "isola::sync"});
  for (string name : {"std::atomic_flag", "std::mutex", "std::condition_variable",
                      "std::condition_variable_any", "std::shared_mutex", "SYS_futex"}) {
    EXPECT_EQ(check_sync({"actors/worker.cc", name + " x;\n"}).size(), 1u) << name;
    EXPECT_EQ(check_sync({"tools/topology/plan.cc", "f(::" + name + ");\n"}).size(), 1u) << name;
    EXPECT_EQ(check_sync({"serialization/sync.h", name + " x;\n"}), none) << name;
    EXPECT_EQ(check_sync({"serialization/simulated_sync.h", name + " x;\n"}), none) << name;
    EXPECT_EQ(check_sync({"tools/inspect/client.cc", name + " x;\n"}), none) << name;
    EXPECT_EQ(check_sync({"tests/actors/worker_test.cc", name + " x;\n"}), none) << name;
  }
}

TEST(Sync, CommentsAndStringsMayNameThem) {
  EXPECT_EQ(check_sync({"channels/core.h",
                        "// a std::mutex\n/* std::atomic\n std::mutex */ f(\"std::mutex\");\n"
                        "my_std::mutex x;\nsync::atomic<int> y;\n"}),
            none);
}

// The folders are put together here, as this file keeps the rule too.
TEST(PrivatePaths, AreFoundWhereverTheyBegin) {
  for (string folder : {"work", "root", "home"}) {
    const string path = "/" + folder;
    for (const string& line :
         {path, path + "/x/y.h", "see " + path + "/x", "\"" + path + "\"", "-I" + path + "/include",
          "DIR=" + path, "(" + path + ")", "file://" + path.substr(1) + " " + path + "."}) {
      EXPECT_EQ(check_private_paths({"docs/index.md", "a\n" + line + "\n"}),
                Findings{"docs/index.md:2: names a private folder, " + path})
          << line;
    }
    for (const string& line : {"a" + path, "a/b" + path + "/c", "~" + path, ".." + path,
                               "${x}" + path, path + "ers", "and/or " + folder, path + "-x"}) {
      EXPECT_EQ(check_private_paths({"docs/index.md", line + "\n"}), none) << line;
    }
  }
}

TEST(OwnHeader, ASourceIncludesItFirst) {
  const Paths paths = {"context/key.h", "context/key.cc", "context/frame.h"};
  EXPECT_EQ(
      check_own_header({"context/key.cc", "// x\n#include <map>\n#include \"key.h\"\n"}, paths),
      Findings{"context/key.cc:2: includes <map> before its own header, context/key.h"});
  EXPECT_EQ(check_own_header({"context/key.cc", "// x\n"}, paths),
            Findings{"context/key.cc:1: does not include its own header, context/key.h"});
  EXPECT_EQ(check_own_header({"context/key.cc", "// x\n#include \"key.h\"\n"}, paths), none);
  EXPECT_EQ(check_own_header({"context/key.cc", "#include <isola/context/key.h>\n"}, paths), none);
  EXPECT_EQ(check_own_header({"context/free.cc", "#include <map>\n"}, paths), none);
}

TEST(HelpersOfTests, HaveOneHeaderEach) {
  const File one = {"tests/a.h", "inline int number(int v) { return v; }\ninline X number();\n"};
  EXPECT_EQ(check_helpers_of_tests({one, {"tests/b.h", "// inline int number()\n"}}), none);
  EXPECT_EQ(check_helpers_of_tests({one, {"context/key.h", "inline int number();\n"}}), none);
  EXPECT_EQ(check_helpers_of_tests({one, {"tests/c/b.h", "\ninline auto number(long) {\n"}}),
            Findings{"tests/c/b.h:2: defines number, as tests/a.h does"});
}

TEST(OwnHeader, ATestIncludesTheHeaderThatItTestsFirst) {
  const Paths paths = {"context/key.h", "tests/tidy/rules.h", "tools/topology/plan.h",
                       "actors/isola.h"};
  EXPECT_EQ(check_own_header({"tests/context/key_test.cc",
                              "#include <gtest/gtest.h>\n#include <isola/context/key.h>\n"},
                             paths),
            Findings{"tests/context/key_test.cc:1: includes <gtest/gtest.h> before its own header, "
                     "context/key.h"});
  EXPECT_EQ(
      check_own_header({"tests/tools/topology/plan_test.cc", "#include <gtest/gtest.h>\n"}, paths)
          .size(),
      1u);
  EXPECT_EQ(
      check_own_header({"tests/context/key_test.cc", "#include <isola/context/key.h>\n"}, paths),
      none);
  EXPECT_EQ(check_own_header({"tests/actors/isola_test.cc", "#include <isola/isola.h>\n"}, paths),
            none);
  EXPECT_EQ(check_own_header({"tests/tidy/rules_test.cc", "#include \"rules.h\"\n"}, paths), none);
  EXPECT_EQ(check_own_header({"tests/stress/all_test.cc", "#include <gtest/gtest.h>\n"}, paths),
            none);
}

}  // namespace
}  // namespace isola::tidy
