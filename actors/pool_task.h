// What a pool of isolates runs: one call of a function, or several (a chunk of IsolatePool::map).
#pragma once

#include <isola/actors/isolate_job.h>
#include <isola/actors/sendable.h>
#include <isola/serialization/result.h>

#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

// An argument of a task that could not be moved into the worker: "argument 2 can't be read in the
// worker: no such file". What its type threw is nested in it.
class UnreadableArgument : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

// Throws UnreadableArgument. REQUIRES: called in a catch block. `index`: counted from 0.
[[noreturn]] void argument_unreadable(size_t index);

// An argument as the worker has it.
template <class T, size_t kIndex>
struct Received {
  T value;
  explicit Received(T& from) requires(std::is_nothrow_move_constructible_v<T>)
      : value(std::move(from)) {}
  explicit Received(T& from) try : value(std::move(from)) {
  } catch (const Cancelled&) {
    throw;
  } catch (...) {
    argument_unreadable(kIndex);
  }
};

// Calls the function with arguments that were given up by whoever submitted them. They are gone
// when this returns, and channel ends in the result are nobody's until somebody takes it.
template <class F, class... Args, size_t... kIndexes>
auto call_with(F function, std::tuple<Args...>& given, std::index_sequence<kIndexes...>) {
  std::tuple<Received<Args, kIndexes>...> arguments(std::get<kIndexes>(given)...);
  [[maybe_unused]] ResourceList* own = Execution::current().resources;
  (transfer_ends(std::get<kIndexes>(arguments).value, own), ...);
  using Returned = std::decay_t<std::invoke_result_t<F, Args...>>;
  if constexpr (std::is_void_v<Returned>) {
    function(std::move(std::get<kIndexes>(arguments).value)...);
  } else {
    Returned returned = function(std::move(std::get<kIndexes>(arguments).value)...);
    transfer_ends(returned, nullptr);
    return returned;
  }
}
template <class F, class... Args>
auto call_with(F function, std::tuple<Args...>& given) {
  return call_with(function, given, std::index_sequence_for<Args...>());
}

template <class F, class... Args>
class FunctionTask final : public ValueJob<std::decay_t<std::invoke_result_t<F, Args...>>> {
 public:
  using Returned = std::decay_t<std::invoke_result_t<F, Args...>>;
  explicit FunctionTask(F function, Args... args)
      : ValueJob<Returned>(nullptr), function_(function) {
    // Until it begins they are nobody's: whoever submits it may end before.
    (transfer_ends(args, nullptr), ...);
    arguments_.emplace(std::move(args)...);
  }
  void run() override {
    if constexpr (std::is_void_v<Returned>)
      call_with(function_, *arguments_);
    else
      this->value.emplace(call_with(function_, *arguments_));
  }
  void drop_arguments() override { arguments_.reset(); }

 private:
  const F function_;
  std::optional<std::tuple<Args...>> arguments_;
};

// Several calls of one function, whose results are taken together. That one fails does not keep the
// others from being made; the whole then fails with the first failure, so that it is reported if
// nobody takes the results.
template <class R>
class ChunkJob : public ValueJob<std::vector<Result<typename RunResult<R>::type>>> {
 public:
  explicit ChunkJob(size_t calls)
      : ValueJob<std::vector<Result<typename RunResult<R>::type>>>(nullptr), size(calls) {}
  const size_t size;  // how many results there will be, or would have been
};

template <class F, class... Args>
class ChunkTask final : public ChunkJob<std::decay_t<std::invoke_result_t<F, Args...>>> {
 public:
  using Returned = std::decay_t<std::invoke_result_t<F, Args...>>;
  using Value = typename RunResult<Returned>::type;
  using Calls = std::vector<std::tuple<Args...>>;

  ChunkTask(F function, Calls calls)
      : ChunkJob<Returned>(calls.size()), function_(function), calls_(std::move(calls)) {}
  void run() override {
    Error first;
    this->value.emplace().reserve(calls_.size());
    for (auto& call : calls_) {
      Result<Value>& result = this->value->emplace_back();
      try {
        if constexpr (std::is_void_v<Returned>)
          call_with(function_, call);
        else
          result.value = typename Result<Value>::Value(call_with(function_, call));
      } catch (const Cancelled&) {
        this->value->pop_back();
        throw;
      } catch (...) {
        result.err = capture_here();
        if (!first) first = result.err;
      }
    }
    if (first) first.raise();
  }
  void drop_arguments() override { calls_.clear(); }

 private:
  const F function_;
  Calls calls_;
};

}  // namespace detail
}  // namespace isola
