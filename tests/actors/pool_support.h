// What the tests of isolate pools share.
#pragma once

#include <isola/isola.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/messages.capnp.h"
#include "tests/support/number.h"
#include "tests/support/schedules.h"

namespace isola::test {

// Says that it is ready, waits until it may go, and returns what it was told.
inline int64_t wait_for_go(Sender<Number> ready, Receiver<Number> go) {
  EXPECT_FALSE(ready.send(number(1)));
  return go.recv().or_raise()->getValue();
}

// The channels of tasks that block until they are told to go on.
struct Gates {
  explicit Gates(System& system)
      : ready(system.channel<Number>(unbounded)), go(system.channel<Number>(unbounded)) {}

  auto submit_to(IsolatePool& pool) {
    return pool.submit(&wait_for_go, ready.sender.clone(), go.receiver.clone());
  }
  void wait_until_ready(int count = 1) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(ready.receiver.recv());
  }
  void release(int count = 1) {
    for (int i = 0; i < count; ++i) EXPECT_FALSE(go.sender.send(number(i)));
  }

  Channel<Number> ready;
  Channel<Number> go;
};

// The names of the isolates of the System that are workers of a pool of this name.
inline std::vector<std::string> workers_of(System& system, const std::string& pool) {
  std::vector<std::string> names;
  for (const Isolate& isolate : system.isolates())
    if (isolate.name().rfind(pool + "-", 0) == 0) names.push_back(isolate.name());
  return names;
}

}  // namespace isola::test
