// IsolatePool: an executor whose workers are isolates (Python's InterpreterPoolExecutor).
//
//   isola::IsolatePool pool(system, {.workers = 4, .name = "score", .initialiser = &load_model});
//   auto future = pool.submit(&score_request, 7);               // Future<double>
//   auto [score, err] = future.get(100ms);
//   for (auto& [each, failed] : pool.map(&score_request, requests)) …
//   pool.shutdown();                                            // waits for all of it
//
// A task is a function without captures; what it takes and gives is Sendable. It runs in one of the
// workers, which are made as they are needed and have a heap and a namespace of their own. It may
// block; that keeps its worker, and nothing else. The pool has no threads: its workers are given
// turns by the System's, so a task runs in the context and with the deadline of who submitted it,
// and its worker can be found, watched and ended as any isolate.
//
// A task that is not begun before its deadline ends with Code::timeout. A worker that is terminated
// ends its task with Code::cancelled and is replaced if there is more to do.
//
// A task may submit further ones to its own pool. If it waits for them it keeps its worker
// meanwhile: where all workers do so, nothing goes on. Give such waits a limit, or let the task
// return and somebody else wait.
//
// Thread safety: submit, map, shutdown, error, workers, pending: any thread; moving and dropping
// the handle: one at a time. A handle may outlive its System: submit then gives
// Code::pool_shut_down.
#pragma once

#include <isola/actors/future.h>
#include <isola/actors/outside.h>
#include <isola/actors/pool_core.h>
#include <isola/actors/pool_options.h>
#include <isola/actors/pool_results.h>
#include <isola/actors/pool_task.h>
#include <isola/actors/system.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

// Whether a shutdown waits until all is done and the workers are gone.
enum class Shutdown : uint8_t { wait, no_wait };
// What becomes of tasks that were submitted and not begun.
enum class Pending : uint8_t { finish, cancel };

namespace detail {

template <class Range>
using IteratorOf = decltype(std::begin(std::declval<std::remove_reference_t<Range>&>()));
template <class Range>
using ElementOf = typename std::iterator_traits<IteratorOf<Range>>::value_type;
template <class Range>
concept Iterable = requires { typename ElementOf<Range>; };

}  // namespace detail

struct MapOptions {
  // How many elements make one task; 0 counts as 1. More of them, where a call is short.
  size_t chunk = 1;
  // For all results together, from the call of map.
  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();
};

class IsolatePool {
 public:
  // Makes no worker yet. What the context of the caller lets cross is what workers are prepared
  // with. For options that can't be had, a pool whose error() says why.
  explicit IsolatePool(System& system, IsolatePoolOptions options = {});
  // In the System of the running isolate. Throws std::logic_error outside of isolates.
  explicit IsolatePool(IsolatePoolOptions options = {});
  IsolatePool(IsolatePool&&) noexcept = default;
  IsolatePool& operator=(IsolatePool&& other) noexcept;
  // As shutdown(): waits for what was submitted. It does not where it can't: in a task of the pool,
  // past the deadline of the call, in an actor that is being ended, while the System stops. What
  // was submitted is computed all the same, unless the System ends before.
  ~IsolatePool();

  // Has `function(args...)` called in a worker. Does not block. The future has the result, or why
  // there is none: failed, broken_pool, pool_shut_down, pool_full, cancelled, …
  template <class F, class... Args>
  auto submit(F function, Args&&... args) {
    const auto plain = detail::unbound_function(function);
    (detail::require_sendable<std::decay_t<Args>>(), ...);
    using Task = detail::FunctionTask<std::decay_t<decltype(plain)>, std::decay_t<Args>...>;
    using Returned = typename Task::Returned;
    if constexpr (!std::is_void_v<Returned>) detail::require_sendable<Returned>();
    if (core_ == nullptr) return Future<Returned>(Error(Code::pool_shut_down));
    const Outside outside;  // a task may outlive who submits it
    auto task = std::make_shared<Task>(plain, std::decay_t<Args>(std::forward<Args>(args))...);
    core_->submit(task);
    return Future<Returned>(std::move(task), core_->runtime());
  }
  template <class Nothing = void>
  void submit() {
    static_assert(!std::is_void_v<Nothing>,
                  "isola: submit takes the function to call, and then its arguments");
  }

  // Has the function called with the first elements of all ranges, with their second ones, and so
  // on, until one of them ends. All of it is submitted now; the results come in that order. A
  // container of the standard library that is moved in gives up its elements. Does not block.
  template <class F, detail::Iterable... Ranges>
    requires(sizeof...(Ranges) > 0)
  auto map(MapOptions options, F function, Ranges&&... ranges) {
    const auto plain = detail::unbound_function(function);
    (detail::require_sendable<detail::ElementOf<Ranges>>(), ...);
    using Task =
        detail::ChunkTask<std::decay_t<decltype(plain)>, detail::ElementOf<Ranges>...>;
    using Returned = typename Task::Returned;
    if constexpr (!std::is_void_v<Returned>) detail::require_sendable<Returned>();
    std::deque<std::shared_ptr<detail::ChunkJob<Returned>>> chunks;
    const auto submit_chunk = [&](typename Task::Calls&& calls) {
      auto task = std::make_shared<Task>(plain, std::move(calls));
      core_->submit(task);
      chunks.push_back(std::move(task));
    };
    const int64_t deadline_ns = deadline_of(options);
    if (core_ == nullptr) return PoolResults<Returned>(Error(Code::pool_shut_down));
    const Outside outside;
    typename Task::Calls calls;
    for_each_together(
        [&](auto&&... elements) {
          calls.emplace_back(std::forward<decltype(elements)>(elements)...);
          if (calls.size() >= options.chunk) submit_chunk(std::exchange(calls, {}));
        },
        std::forward<Ranges>(ranges)...);
    if (!calls.empty()) submit_chunk(std::move(calls));
    return PoolResults<Returned>(std::move(chunks), core_->runtime(), deadline_ns);
  }
  template <class F, class... Ranges>
    requires(!std::same_as<std::decay_t<F>, MapOptions>)
  auto map(F function, Ranges&&... ranges) {
    return map(MapOptions{}, function, std::forward<Ranges>(ranges)...);
  }

  // Takes no more tasks. Idempotent. With Shutdown::wait it returns when the last worker is gone.
  // Errors of that wait: timeout (the deadline of the call), asks_itself (in a task of this pool),
  // cancelled (the System stops). Blocks: with Shutdown::wait.
  Error shutdown(Shutdown how = Shutdown::wait, Pending pending = Pending::finish);

  // Why it takes no tasks: broken_pool, pool_shut_down, pool_full, or what its options ask for that
  // can't be had (invalid_argument, no_dispatcher); no error while it does.
  Error error() const;
  // Those that live, in the order of their making.
  std::vector<Isolate> workers() const;
  // How many tasks wait for a worker. Cancelled ones count until a worker comes past them.
  size_t pending() const;
  // As in the options.
  std::string name() const;

 private:
  template <class Range>
  static decltype(auto) element(const detail::IteratorOf<Range>& at) {
    // A view is not what owns its elements.
    constexpr bool kGivenUp = requires { typename Range::allocator_type; };
    if constexpr (kGivenUp)
      return std::move(*at);
    else
      return *at;
  }
  template <class Call, class... Ranges>
  static void for_each_together(Call&& call, Ranges&&... ranges) {
    std::tuple<detail::IteratorOf<Ranges>...> at(std::begin(ranges)...);
    const auto next = [&]<size_t... kIndexes>(std::index_sequence<kIndexes...>) {
      if (((std::get<kIndexes>(at) == std::end(ranges)) || ...)) return false;
      call(element<Ranges>(std::get<kIndexes>(at))...);
      ((void)++std::get<kIndexes>(at), ...);
      return true;
    };
    while (next(std::index_sequence_for<Ranges...>())) {
    }
  }
  static int64_t deadline_of(const MapOptions& options) {
    if (options.timeout == std::chrono::nanoseconds::max()) return kNoDeadline;
    return deadline_in(*detail::Execution::current().clock, options.timeout);
  }

  std::shared_ptr<detail::PoolCore> core_;
};

}  // namespace isola
