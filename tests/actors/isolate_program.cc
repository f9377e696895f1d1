// A program for program_test.cc: what isolates do in a process of their own. The first argument
// says which part; `run FILE` is the program `isola` with one more type of actor.
#include <isola/isola.h>
#include <isola/tools/isola/cli.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "tests/support/messages.capnp.h"

namespace {

using isola::Isolate;
using isola::System;

void say(const char* text) {
  std::puts(text);
  std::fflush(stdout);
}

// What the process was started with, as seen from here.
std::string settings(const std::string& path) {
  char directory[4096] = "?";
  if (getcwd(directory, sizeof directory) == nullptr) std::perror("getcwd");
  const char* variable = std::getenv("ISOLA_TEST_SETTING");
  std::string line;
  std::getline(std::ifstream(path), line);
  return std::string(directory) + " " + (variable != nullptr ? variable : "unset") + " " + line;
}

void print_settings(isola::Delivery<isola::test::Note> path) {
  std::cout << "isolate: " << settings(path->getText().cStr()) << '\n';
}

int show_settings(const std::string& path) {
  std::cout << "main: " << settings(path) << '\n';
  System system;
  std::cout << "isolate: " << system.create().run(&settings, path).or_raise() << '\n';
  return 0;
}

int run_topology(int argc, char** argv) {
  // As it sees the file that the topology names.
  std::cout << "main: " << settings("given.txt") << std::endl;
  isola::topology::Registry registry;
  registry.add("test.Settings", &print_settings, {});
  return isola::cli::main(argc, argv, registry);
}

int write_output() {
  System system;
  Isolate isolate = system.create();
  for (int round = 0; round < 3; ++round) {
    auto write_lines = [](int number) {
      for (int i = 0; i < 1000; ++i) std::printf("%d %d\n", number, i);
      std::cout << "through a stream " << number << '\n';
      std::cerr << "err " << number << '\n';
      (void)isola::sleep_for(std::chrono::milliseconds(1));
      std::printf("last %d\n", number);
      std::fprintf(stderr, "err last %d\n", number);
    };
    (void)isolate.run(write_lines, round);
    std::printf("main %d\n", round);
    std::fprintf(stderr, "main %d\n", round);
  }
  return 0;
}

std::vector<Isolate> kept;  // also beyond the end of the System

int leave_open() {
  System system;
  auto [tx, rx] = system.channel<isola::test::Number>(isola::bounded(1));
  for (int i = 0; i < 10; ++i) kept.push_back(system.create());
  auto stay = [] {
    isola::globals().set("value", isola::vector<int>(1000, 1));
    isola::start_thread([] { (void)isola::sleep_for(std::chrono::hours(1)); });
    isola::start_timer(std::chrono::hours(1), [] {});
    isola::at_end([] {});
  };
  for (Isolate& isolate : kept) isolate.run(stay).or_raise();
  auto wait = [](isola::Receiver<isola::test::Number> in) { (void)in.recv(); };
  auto forgotten = kept[0].run_async(wait, std::move(rx));
  auto sleep = [] { (void)isola::sleep_for(std::chrono::hours(1)); };
  (void)kept[1].run_async(sleep);
  return 0;
}

isola::Interrupts* watching;  // for the functions below, which get nothing from the signal

int report(isola::Result<int> result) {
  std::printf("run: %s, %d\n", std::string(isola::name(result.err.code())).c_str(), result.value);
  return 0;
}

int sleep_until_interrupted() {
  isola::Interrupts interrupts;
  System system;
  interrupts.watch(system);
  Isolate isolate = system.create({.handles_signals = true});
  auto sleep = [] {
    say("started");
    (void)isola::sleep_for(std::chrono::hours(1));
    say("after the sleep");
    return 7;
  };
  report(isolate.run(sleep));
  auto again = [] {
    say("runs again");
    return 8;
  };
  report(isolate.run(again));
  return 0;
}

int hold_the_signal() {
  isola::Interrupts interrupts;
  watching = &interrupts;
  System system;
  interrupts.watch(system);
  Isolate isolate = system.create({.handles_signals = false});
  auto go_on = [] {
    say("started");
    while (watching->received() == 0) (void)isola::sleep_for(std::chrono::milliseconds(1));
    const bool undisturbed = !isola::sleep_for(std::chrono::milliseconds(1));
    // What it starts itself runs as well.
    auto nested = isola::create_isolate({.handles_signals = false}).run([] { return 1; });
    std::puts(undisturbed && nested.value == 1 ? "last output" : "disturbed");
    return 7;
  };
  report(isolate.run(go_on));
  report(isolate.run([] { return 8; }));
  return 0;
}

int wait_for_a_second_signal() {
  isola::Interrupts interrupts;
  watching = &interrupts;
  System system;
  interrupts.watch(system);
  auto never_ends = [] {
    say("started");
    while (watching->received() == 0) (void)isola::sleep_for(std::chrono::milliseconds(1));
    say("one came");
    for (;;) (void)isola::sleep_for(std::chrono::milliseconds(1));
  };
  (void)system.create({.handles_signals = false}).run(never_ends);
  say("not reached");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string part = argc > 1 ? argv[1] : "";
  if (part == "settings" && argc == 3) return show_settings(argv[2]);
  if (part == "run") return run_topology(argc, argv);
  if (part == "output") return write_output();
  if (part == "open") return leave_open();
  if (part == "interrupted") return sleep_until_interrupted();
  if (part == "held") return hold_the_signal();
  if (part == "second") return wait_for_a_second_signal();
  std::fprintf(stderr, "which part?\n");
  return 2;
}
