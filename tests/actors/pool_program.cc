// Programs whose main returns while a pool of isolates has tasks; run by pool_program_test.cc.
#include <isola/isola.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

using namespace std::chrono_literals;

std::optional<isola::IsolatePool> of_the_hook;

void submit_in_the_hook() {
  const isola::Error err = of_the_hook->submit([] { std::puts("ran"); }).get().err;
  std::printf("in the hook: %s\n", err.to_string().c_str());
}

void begin_and_end(int n) {
  std::printf("begin %d\n", n);
  (void)isola::sleep_for(2ms);
  std::printf("end %d\n", n);
}

int done_in_order(int n) {
  (void)isola::sleep_for(1ms);
  std::printf("done %d\n", n);
  return n;
}

void print_workers(isola::System& system) {
  std::printf("workers left: %d\n", static_cast<int>(system.isolates().size()) - 1);
}

}  // namespace

int main(int, char** argv) {
  const std::string how = argv[1];
  if (how == "exit_hook") std::atexit(submit_in_the_hook);
  isola::System system({.workers = 2});
  if (how == "drop") {
    {
      isola::IsolatePool pool(system, {.workers = 1});
      for (int i = 0; i < 5; ++i) (void)pool.submit(&done_in_order, i);
    }
    print_workers(system);
    return 0;
  }
  if (how == "exit_hook") {
    of_the_hook.emplace(system);
    (void)of_the_hook->submit([] {}).get();
    return 0;
  }
  // Goes after the pool, and before the System.
  struct AtTheEnd {
    isola::System& system;
    bool prints;
    ~AtTheEnd() {
      if (prints) print_workers(system);
    }
  } at_the_end{system, how == "no_wait"};
  isola::IsolatePool pool(system, {.workers = how == "no_wait" ? 1 : 2});
  if (how == "return") {
    (void)pool.submit([] {
      std::puts("begun");
      (void)isola::sleep_for(20ms);
      std::puts("done");
    });
  } else if (how == "no_wait") {
    for (int i = 0; i < 5; ++i) (void)pool.submit(&done_in_order, i);
    (void)pool.shutdown(isola::Shutdown::no_wait);
  } else if (how == "cancel") {
    for (int i = 0; i < 20; ++i) (void)pool.submit(&begin_and_end, i);
    (void)isola::sleep_for(3ms);
    (void)pool.shutdown(isola::Shutdown::no_wait, isola::Pending::cancel);
  }
  return 0;
}
