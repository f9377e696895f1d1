// What a generator with a stack of its own may do there: yield from below, throw, be left in the
// middle of a catch, go on on another thread.
#include <isola/context/fiber_generator.h>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/context/expect.h"
#include "tests/context/generators.h"

namespace isola {
namespace {

using test::digits;
using test::fault_of;
using test::Log;

void walk(int depth, Yield<int>& yield) {
  if (depth == 0) return;
  walk(depth - 1, yield);
  yield(depth);
  walk(depth - 1, yield);
}

TEST(FiberStack, YieldsFromTheFunctionsThatTheBodyCalls) {
  std::vector<int> seen;
  for (int value : fiber_generator<int>([](Yield<int>& yield) { walk(3, yield); }))
    seen.push_back(value);
  EXPECT_EQ(seen, (std::vector{1, 2, 1, 3, 1, 2, 1}));
}

TEST(FiberStack, HoldsValuesThatCantBeCopiedCheaplyOnlyUntilTheNext) {
  fiber_generator<std::string> texts([own = std::make_unique<int>(2)](Yield<std::string>& yield) {
    for (int i = 0; i < *own; ++i) yield(std::string(50, static_cast<char>('a' + i)));
  });
  auto moved = std::move(texts);
  EXPECT_EQ(texts.next(), std::nullopt);
  EXPECT_EQ(moved.next(), std::string(50, 'a'));
  EXPECT_EQ(moved.next(), std::string(50, 'b'));
  EXPECT_EQ(moved.next(), std::nullopt);
  EXPECT_EQ(moved.next(), std::nullopt);
  EXPECT_EQ(fiber_generator<int>().next(), std::nullopt);
}

TEST(FiberStack, OneInTheOtherYieldsForItself) {
  using Numbers = fiber_generator<int, KeepsScopes>;
  std::optional<ContextFault> wrong_stack;
  Numbers outer([&](Yield<int>& yield) {
    const Scope own{digits, 3};
    Numbers inner([&](Yield<int>& its) {
      const Scope inner_own{digits, 4};
      wrong_stack = fault_of([&] { yield(0); });
      walk(2, its);
    });
    for (int value : inner) yield(10 * digits.get() + value);
  });
  std::vector<int> seen;
  for (int value : outer) seen.push_back(value);
  EXPECT_EQ(seen, (std::vector{31, 32, 31}));
  EXPECT_EQ(wrong_stack, ContextFault::cannot_suspend);
  EXPECT_EQ(digits.get(), 28);
}

TEST(FiberStack, OfEachOtherKindMayBeInIt) {
  fiber_generator<int, KeepsScopes> outer([](Yield<int>& yield) {
    auto inner = test::reads_within(3);
    for (int i = 0; i < 2; ++i) {
      yield(*inner.next());
      yield(digits.get());
    }
  });
  const Scope five{digits, 5};
  for (const int expected : {3, 5, 3, 5}) EXPECT_EQ(outer.next(), expected);
}

TEST(FiberStack, ABodyThatThrowsEndsItsGenerator) {
  const Scope five{digits, 5};
  fiber_generator<int> failing([](Yield<int>& yield) {
    const Scope own{digits, 3};
    yield(1);
    throw std::runtime_error("no more");
  });
  EXPECT_EQ(failing.next(), 1);
  EXPECT_THROW((void)failing.next(), std::runtime_error);
  EXPECT_EQ(digits.get(), 5);
  EXPECT_EQ(failing.next(), std::nullopt);
}

TEST(FiberStack, ARunningOneIsNotResumedAgain) {
  fiber_generator<int>* self = nullptr;
  std::vector<std::optional<ContextFault>> faults;
  fiber_generator<int> recursive([&](Yield<int>& yield) {
    faults.push_back(fault_of([&] { (void)self->next(); }));
    faults.push_back(fault_of([&] { self->close(); }));
    faults.push_back(fault_of([&] { self->set_context(Context()); }));
    yield(1);
  });
  self = &recursive;
  EXPECT_EQ(recursive.next(), 1);
  EXPECT_EQ(faults, (std::vector<std::optional<ContextFault>>{ContextFault::already_entered,
                                                              ContextFault::already_entered,
                                                              ContextFault::not_innermost}));
  EXPECT_EQ(recursive.next(), std::nullopt);
}

TEST(FiberStack, AnAbandonedBodyThatCatchesEverythingIsUnwoundAllTheSame) {
  Log log;
  struct Yields {
    Yield<int>& yield;
    Log& log;
    ~Yields() noexcept(false) {
      yield(0);
      log.emplace_back("destructor");
    }
  };
  {
    fiber_generator<int> stubborn([&log](Yield<int>& yield) {
      for (int i = 0; i < 3; ++i) {
        try {
          const Yields at_the_end{yield, log};
          yield(i);
        } catch (const std::exception&) {
          log.emplace_back("never");
        } catch (...) {
          log.emplace_back("caught");
        }
      }
      log.emplace_back("end");
    });
    EXPECT_EQ(stubborn.next(), 0);
  }
  EXPECT_EQ(log,
            (Log{"destructor", "caught", "destructor", "caught", "destructor", "caught", "end"}));
}

TEST(FiberStack, WhatAnAbandonedBodyThrowsIsReported) {
  const auto abandon = [](auto throws) {
    fiber_generator<int> one([throws](Yield<int>& yield) {
      try {
        yield(1);
      } catch (...) {
        throws();
      }
    });
    (void)one.next();
    ::testing::internal::CaptureStderr();
    one.close();
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(abandon([] { throw std::runtime_error("not today"); }),
            "isola: a generator that was abandoned threw: not today\n");
  EXPECT_EQ(abandon([] { throw 7; }), "");
}

TEST(FiberStack, IsAbandonedWhileItsConsumerIsUnwound) {
  Log log;
  try {
    fiber_generator<int> one([&log](Yield<int>& yield) {
      EXPECT_EQ(std::uncaught_exceptions(), 0);
      try {
        yield(1);
      } catch (...) {
        EXPECT_EQ(std::uncaught_exceptions(), 0) << "the consumer's is not its own";
        log.emplace_back("unwound");
        throw;
      }
    });
    EXPECT_EQ(one.next(), 1);
    throw std::runtime_error("the consumer's");
  } catch (const std::runtime_error& error) {
    log.emplace_back(error.what());
  }
  EXPECT_EQ(log, (Log{"unwound", "the consumer's"}));
}

std::string what(const std::exception_ptr& thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

// Yields inside of a catch, twice, and lets its exception go on.
fiber_generator<std::string> yields_in_a_catch(std::string own) {
  return fiber_generator<std::string>([own](Yield<std::string>& yield) {
    try {
      throw std::runtime_error(own);
    } catch (const std::runtime_error&) {
      yield(what(std::current_exception()));
      yield(what(std::current_exception()));
      throw;
    }
  });
}

TEST(FiberStack, EachHasTheExceptionsThatItCaught) {
  auto first = yields_in_a_catch("first");
  auto second = yields_in_a_catch("second");
  EXPECT_EQ(first.next(), "first");
  EXPECT_EQ(what(std::current_exception()), "nothing");
  try {
    throw std::logic_error("the consumer's");
  } catch (const std::logic_error&) {
    EXPECT_EQ(second.next(), "second");
    EXPECT_EQ(first.next(), "first");
    EXPECT_EQ(what(std::current_exception()), "the consumer's");
    try {
      (void)first.next();
      ADD_FAILURE();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "first");
    }
    EXPECT_EQ(what(std::current_exception()), "the consumer's");
    try {
      throw;
    } catch (const std::logic_error& error) {
      EXPECT_STREQ(error.what(), "the consumer's");
    }
  }
  EXPECT_EQ(second.next(), "second");
  second.close();
  EXPECT_EQ(what(std::current_exception()), "nothing");
}

TEST(FiberStack, GoesOnOnWhateverThreadResumesIt) {
  // In the middle of a catch, with a scope open: each thread sees its own bindings through it.
  fiber_generator<int, KeepsScopes> moved([](Yield<int>& yield) {
    const Scope own{test::locale, "de_DE"};
    for (int round = 0; round < 3; ++round) {
      try {
        throw std::runtime_error(std::to_string(round));
      } catch (const std::runtime_error& error) {
        yield(digits.get());
        EXPECT_EQ(what(std::current_exception()), std::to_string(round));
      }
    }
  });
  for (int i = 0; i < 3; ++i) {
    std::thread([&] {
      const Scope threads{digits, i};
      EXPECT_EQ(moved.next(), i);
      EXPECT_EQ(test::locale.get("none"), "none");
    }).join();
  }
  EXPECT_EQ(moved.next(), std::nullopt);
}

TEST(FiberStack, OfAnySizeIsUsedAgain) {
  std::vector<fiber_generator<int>> open;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) {
      const size_t bytes = i % 3 == 0 ? size_t{1024} * 1024 : i % 3 == 1 ? 0 : kFiberStackBytes;
      open.emplace_back(
          [i](Yield<int>& yield) {
            std::array<char, 8000> room{};
            room.fill(static_cast<char>(i));
            yield(room[static_cast<size_t>(i)]);
            yield(room[7999]);
          },
          FiberOptions{.stack_bytes = bytes});
      EXPECT_EQ(open.back().next(), i);
    }
    for (int i = 0; i < 40; i += 2) EXPECT_EQ(open[static_cast<size_t>(i)].next(), i);
    open.clear();
  }
  // It takes no memory for its stack before it begins.
  fiber_generator<int> huge([](Yield<int>& yield) { yield(1); },
                            FiberOptions{.stack_bytes = size_t{1} << 50});
  EXPECT_THROW((void)huge.next(), std::bad_alloc);
  EXPECT_THROW((void)huge.next(), std::bad_alloc) << "it has not begun";
}

// The stacks that this thread keeps are gone by then.
fiber_generator<int> at_exit;

TEST(FiberStack, ThatAStaticObjectHasEndsWithTheProgram) {
  at_exit = fiber_generator<int>([](Yield<int>& yield) { yield(1); });
  EXPECT_EQ(at_exit.next(), 1);
}

}  // namespace
}  // namespace isola
