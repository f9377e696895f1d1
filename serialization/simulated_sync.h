// isola::sync as a simulated build (ISOLA_SIMULATED) has it: each operation asks the simulation
// that runs on this thread, so that the schedule can change there and a load may be stale.
//
// Without a simulation the types are what they are in production, so plain threads of the same
// program keep working. An atomic is as large as std::atomic: all that a simulation knows beyond
// its newest value lies in the simulation, found by address. Only included by sync.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <version>

#ifdef __cpp_lib_source_location
#include <source_location>
#endif

namespace isola::sync {

// Where in the sources an operation stands.
#ifdef __cpp_lib_source_location
using Site = std::source_location;
#else
class Site {
 public:
  static constexpr Site current(const char* file = __builtin_FILE(),
                                const char* function = __builtin_FUNCTION(),
                                uint32_t line = __builtin_LINE()) {
    Site site;
    site.file_ = file;
    site.function_ = function;
    site.line_ = line;
    return site;
  }
  constexpr const char* file_name() const { return file_; }
  constexpr const char* function_name() const { return function_; }
  constexpr uint32_t line() const { return line_; }
  constexpr uint32_t column() const { return 0; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  uint32_t line_ = 0;
};
#endif

enum class Kind : uint8_t {
  load,
  store,
  exchange,
  fetch,  // and add, subtract, or ...
  compare,
  fence,
  light_fence,
  heavy_fence,
  futex_wait,
  futex_wake,
  relax,
};

// The word of a futex, as the system sees it.
using FutexWord = std::atomic<uint32_t>;

// What a simulation has to know of an operation that is about to happen.
struct Operation {
  Kind kind = Kind::relax;
  std::memory_order order = std::memory_order_relaxed;
  std::memory_order on_failure = std::memory_order_relaxed;  // of a compare
  bool one_order = true;       // a compare that was given one order for both
  const void* word = nullptr;  // of the atomic
  Site site = {};
};

// The interface between the operations below and a simulation (tools/testing/simulation.h).
// Thread safety: one thread, that on which it is the current one.
class Simulator {
 public:
  // How an operation goes on after its step.
  enum class Model : uint8_t {
    newest,    // plain values: every load sees the newest one
    spurious,  // the same, and a weak compare fails now
    modelled,  // weak memory: the calls below say what is seen
  };

  // Called before an operation takes effect: others may run meanwhile.
  virtual Model step(const Operation& operation) = 0;

  // The rest of an operation under weak memory, which belongs to the last step. `newest` is the
  // value of the word before it. Values are the bytes of an object, the rest zero.
  virtual uint64_t load(uint64_t newest) = 0;
  virtual void store(uint64_t newest, uint64_t value) = 0;
  virtual void modify(uint64_t newest, uint64_t value) = 0;
  // Nothing: the word holds what was expected. A value: it fails and has seen that.
  virtual std::optional<uint64_t> compare(uint64_t newest, uint64_t expected, uint64_t value,
                                          bool weak) = 0;
  // An atomic comes to be at `word`.
  virtual void constructed(const void* word, uint64_t value) = 0;

  virtual void futex_wait(const FutexWord& word, uint32_t expected, int64_t timeout_ns) = 0;
  virtual void futex_wake(const void* word) = 0;
  virtual int64_t now_ns() = 0;
  virtual uint64_t random() = 0;

  // Virtual threads.
  virtual uint32_t spawn(std::function<void()> body) = 0;
  virtual void join(uint32_t thread) = 0;
  // A place of the running virtual thread for each `key`; `destroy` is called at its end.
  virtual void*& local(const void* key, void (*destroy)(void*)) = 0;

  // The simulation that runs on this thread, or nullptr.
  static Simulator* current() { return current_; }
  static void set_current(Simulator* simulator) { current_ = simulator; }

 protected:
  ~Simulator() = default;

 private:
  static constinit inline thread_local Simulator* current_ = nullptr;
};

inline Simulator::Model announce(Simulator& simulator, Kind kind, std::memory_order order,
                                 const void* word, const Site& site) {
  const Operation operation{kind, order, order, true, word, site};
  return simulator.step(operation);
}

// std::atomic, as far as the runtime uses it. Thread safety: any thread.
template <class T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));

 public:
  using value_type = T;
  using memory_order = std::memory_order;
  static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

  constexpr atomic() noexcept : atomic(T()) {}
  constexpr atomic(T value) noexcept : newest_(value) {
    if (!std::is_constant_evaluated()) {
      if (Simulator* simulator = Simulator::current())
        simulator->constructed(&newest_, bits_of(value));
    }
  }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(memory_order order = std::memory_order_seq_cst, Site site = Site::current()) const {
    Simulator* simulator = Simulator::current();
    if (simulator == nullptr) return newest_.load(order);
    if (step(simulator, Kind::load, order, site) != Simulator::Model::modelled) return newest();
    return of_bits(simulator->load(bits_of(newest())));
  }
  void store(T value, memory_order order = std::memory_order_seq_cst,
             Site site = Site::current()) {
    Simulator* simulator = Simulator::current();
    if (simulator == nullptr) return newest_.store(value, order);
    if (step(simulator, Kind::store, order, site) == Simulator::Model::modelled)
      simulator->store(bits_of(newest()), bits_of(value));
    newest_.store(value, std::memory_order_relaxed);
  }
  T exchange(T value, memory_order order = std::memory_order_seq_cst,
             Site site = Site::current()) {
    if (Simulator::current() == nullptr) return newest_.exchange(value, order);
    return modify(Kind::exchange, order, site, [value](T) { return value; });
  }

  bool compare_exchange_strong(T& expected, T value,
                               memory_order order = std::memory_order_seq_cst,
                               Site site = Site::current()) {
    if (Simulator::current() == nullptr)
      return newest_.compare_exchange_strong(expected, value, order);
    return compare(expected, value, order, failure_of(order), true, false, site);
  }
  bool compare_exchange_strong(T& expected, T value, memory_order order, memory_order on_failure,
                               Site site = Site::current()) {
    if (Simulator::current() == nullptr)
      return newest_.compare_exchange_strong(expected, value, order, on_failure);
    return compare(expected, value, order, on_failure, false, false, site);
  }
  bool compare_exchange_weak(T& expected, T value, memory_order order = std::memory_order_seq_cst,
                             Site site = Site::current()) {
    if (Simulator::current() == nullptr)
      return newest_.compare_exchange_weak(expected, value, order);
    return compare(expected, value, order, failure_of(order), true, true, site);
  }
  bool compare_exchange_weak(T& expected, T value, memory_order order, memory_order on_failure,
                             Site site = Site::current()) {
    if (Simulator::current() == nullptr)
      return newest_.compare_exchange_weak(expected, value, order, on_failure);
    return compare(expected, value, order, on_failure, false, true, site);
  }

  // Of numbers, and add and subtract of pointers too.
  template <class Difference>
  T fetch_add(Difference by, memory_order order = std::memory_order_seq_cst,
              Site site = Site::current()) {
    if (Simulator::current() == nullptr) return newest_.fetch_add(by, order);
    return modify(Kind::fetch, order, site, [by](T old) { return static_cast<T>(old + by); });
  }
  template <class Difference>
  T fetch_sub(Difference by, memory_order order = std::memory_order_seq_cst,
              Site site = Site::current()) {
    if (Simulator::current() == nullptr) return newest_.fetch_sub(by, order);
    return modify(Kind::fetch, order, site, [by](T old) { return static_cast<T>(old - by); });
  }
  T fetch_and(T mask, memory_order order = std::memory_order_seq_cst,
              Site site = Site::current()) {
    if (Simulator::current() == nullptr) return newest_.fetch_and(mask, order);
    return modify(Kind::fetch, order, site, [mask](T old) { return static_cast<T>(old & mask); });
  }
  T fetch_or(T mask, memory_order order = std::memory_order_seq_cst, Site site = Site::current()) {
    if (Simulator::current() == nullptr) return newest_.fetch_or(mask, order);
    return modify(Kind::fetch, order, site, [mask](T old) { return static_cast<T>(old | mask); });
  }
  T fetch_xor(T mask, memory_order order = std::memory_order_seq_cst,
              Site site = Site::current()) {
    if (Simulator::current() == nullptr) return newest_.fetch_xor(mask, order);
    return modify(Kind::fetch, order, site, [mask](T old) { return static_cast<T>(old ^ mask); });
  }

  operator T() const { return load(); }
  T operator=(T value) {
    store(value);
    return value;
  }

  // For futexes, which the system looks at itself.
  const std::atomic<T>& native() const { return newest_; }

 private:
  static uint64_t bits_of(T value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
  }
  static T of_bits(uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  // As the standard has it for an order given alone.
  static memory_order failure_of(memory_order order) {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    return order == std::memory_order_release ? std::memory_order_relaxed : order;
  }
  T newest() const { return newest_.load(std::memory_order_relaxed); }

  Simulator::Model step(Simulator* simulator, Kind kind, memory_order order,
                        const Site& site) const {
    return announce(*simulator, kind, order, &newest_, site);
  }
  template <class Change>
  T modify(Kind kind, memory_order order, const Site& site, Change&& change) {
    Simulator* simulator = Simulator::current();
    const auto model = step(simulator, kind, order, site);
    const T old = newest();
    const T value = change(old);
    if (model == Simulator::Model::modelled) simulator->modify(bits_of(old), bits_of(value));
    newest_.store(value, std::memory_order_relaxed);
    return old;
  }
  bool compare(T& expected, T value, memory_order order, memory_order on_failure, bool one_order,
               bool weak, const Site& site) {
    Simulator* simulator = Simulator::current();
    const Operation operation{Kind::compare, order, on_failure, one_order, &newest_, site};
    const auto model = simulator->step(operation);
    const T old = newest();
    if (model == Simulator::Model::modelled) {
      if (const auto seen =
              simulator->compare(bits_of(old), bits_of(expected), bits_of(value), weak)) {
        expected = of_bits(*seen);
        return false;
      }
    } else if (bits_of(old) != bits_of(expected) ||
               (weak && model == Simulator::Model::spurious)) {
      expected = old;
      return false;
    }
    newest_.store(value, std::memory_order_relaxed);
    return true;
  }

  std::atomic<T> newest_;
};

inline void thread_fence(std::memory_order order, Site site = Site::current()) {
  if (Simulator* simulator = Simulator::current())
    announce(*simulator, Kind::fence, order, nullptr, site);
  else
    std::atomic_thread_fence(order);
}

inline void relax_processor(Site site = Site::current()) {
  if (Simulator* simulator = Simulator::current())
    announce(*simulator, Kind::relax, std::memory_order_relaxed, nullptr, site);
  else
    std::this_thread::yield();
}

// std::thread, or a virtual one if a simulation starts it.
class Thread {
 public:
  Thread() = default;
  template <class Body>
    requires(!std::is_same_v<std::remove_cvref_t<Body>, Thread>)
  explicit Thread(Body&& body) {
    simulator_ = Simulator::current();
    if (simulator_ == nullptr) {
      real_ = std::thread(std::forward<Body>(body));
      return;
    }
    // What it captures may be such that it can't be copied, and goes when the thread ends.
    auto shared = std::make_shared<std::decay_t<Body>>(std::forward<Body>(body));
    virtual_ = simulator_->spawn([shared]() mutable {
      (*shared)();
      shared.reset();
    });
  }
  Thread(Thread&& other) noexcept
      : simulator_(std::exchange(other.simulator_, nullptr)),
        virtual_(other.virtual_),
        real_(std::move(other.real_)) {}
  Thread& operator=(Thread&& other) noexcept {
    simulator_ = std::exchange(other.simulator_, nullptr);
    virtual_ = other.virtual_;
    real_ = std::move(other.real_);
    return *this;
  }

  bool joinable() const { return simulator_ != nullptr || real_.joinable(); }
  void join() {
    if (simulator_ != nullptr)
      std::exchange(simulator_, nullptr)->join(virtual_);
    else
      real_.join();
  }

 private:
  Simulator* simulator_ = nullptr;
  uint32_t virtual_ = 0;
  std::thread real_;
};

// The T of the thread that runs, made when it is first asked for.
template <class T>
T& of_this_thread() {
  if (Simulator* simulator = Simulator::current()) {
    static const char key = 0;
    void*& place = simulator->local(&key, [](void* object) { delete static_cast<T*>(object); });
    if (place == nullptr) place = new T();
    return *static_cast<T*>(place);
  }
  static thread_local T object;
  return object;
}

}  // namespace isola::sync
