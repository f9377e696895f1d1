// Generators: coroutines that yield values, each with a context of its own.
//
//   isola::generator<double> thirds(int count) {
//     isola::Scope narrow{digits, 3};            // of the generator alone
//     for (int i = 1; i <= count; ++i) co_yield rounded(i / 3.0);
//   }
//   for (double third : thirds(10)) …            // digits here is what it was
//
// A generator sees what its consumer has bound at each resume, but for what it binds itself; what
// it binds, its consumer never sees, in whatever order generators are advanced and closed. It is a
// frame: its cleanups run at its end, at once if it is abandoned.
//
//   generator<T>                      yields with open scopes; in strict mode that is an error
//   generator<T, KeepsScopes>         says that it means to
//   generator<T, ActsOnConsumer>      its scopes are its consumer's as long as they are open
//
// Ownership: whoever holds the generator owns the coroutine and its frame. Thread safety: one at a
// time; it may be resumed by another carrier or thread than before.
#pragma once

#include <isola/context/context.h>

#include <coroutine>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace isola {

struct KeepsScopes {};
struct ActsOnConsumer {};

// While it is open, a generator that yields within a Scope of its own, and did not say that it
// does, gets ContextError open_scope at its co_yield, with the scope's name.
class StrictYields final {
 public:
  StrictYields() { ++detail::Execution::current().strict; }
  ~StrictYields() { --detail::Execution::current().strict; }
  StrictYields(const StrictYields&) = delete;
  StrictYields& operator=(const StrictYields&) = delete;
};

namespace detail {

// The context of a generator: which scopes it has open, and what it was given.
class GeneratorFrame {
 public:
  enum class Rule : uint8_t { own, keeps, acts_on_consumer };
  explicit GeneratorFrame(Rule rule) : rule_(rule) {}
  ~GeneratorFrame();
  GeneratorFrame(const GeneratorFrame&) = delete;
  GeneratorFrame& operator=(const GeneratorFrame&) = delete;

  // By the consumer: resumes the body with `run`, which says whether it has yielded (or is
  // through). False: it is through, now or before. Throws what the body throws.
  template <class Run>
  bool advance(Run run);
  // Before each suspension, by the body. Throws ContextError open_scope.
  void yield() {
    if (data_.is_special) [[unlikely]]
      yield_slow();
  }
  // The parts of advance(), for a body that doesn't call yield(). False: it has ended.
  bool resume();
  // After the body was suspended; it throws nothing.
  void suspend();
  void check_yield() const;
  // Before suspend(): the body may stand in a frame within this one.
  void note_innermost() {
    const Execution& execution = Execution::current();
    within_ = execution.frame;
    if (within_ != &data_) [[unlikely]]
      data_.make_special(execution.bindings);
  }
  // The body is through, and the consumer goes on.
  void end();
  // What the body throws; thrown again for the consumer, once.
  void note_thrown() { note_thrown(thrown_); }
  void rethrow() {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }
  // The coroutine is about to be destroyed; this frame, which is its own, goes last.
  void close(bool is_done);
  // See generator::set_context.
  void give(std::optional<Context> context);

 private:
  bool resume_slow();
  [[gnu::cold]] bool finish();  // false
  void suspend_slow();
  [[gnu::noinline]] void yield_slow();

  // By a reference of its own: so a coroutine needs no register for `this` across its yields.
  [[gnu::cold]] static void note_thrown(std::exception_ptr& thrown);
  void note_suspended() { Execution::current_or_none().frame = data_.outer; }
  bool runs() const;

  FrameData data_{FrameKind::generator};
  const Rule rule_;
  bool closes_ = false;
  bool ended_ = false;
  FrameData* within_ = &data_;  // the innermost when it was suspended
  std::optional<Context> given_;
  std::optional<Enter> entered_;
  // The scopes that were open when it was suspended: from the innermost to the outermost.
  const Binding* innermost_ = nullptr;
  Binding* outermost_ = nullptr;
  EnteredBinding* entered_outermost_ = nullptr;  // those of them that entered a context,
  Block* inherited_ = nullptr;                   // and what the innermost one inherited
  std::exception_ptr thrown_;
};

// A generator that opened nothing and has no callbacks costs what is inline here: whatever is more
// than to note its frame marks that as special (FrameData::make_special). The consumer's frame is
// compared with the one before, and stored only if it is another: so no switch waits for what the
// last one has stored. The consumer takes the note back, so the body has but one mark to look at.

template <class Run>
inline bool GeneratorFrame::advance(Run run) {
  Execution& execution = Execution::current_or_none();
  if (execution.frame != data_.resumed_in) [[unlikely]] {
    if (!resume_slow()) return false;
    if (!run()) return finish();
    note_suspended();
    return true;
  }
  execution.frame = &data_;
  if (!run()) [[unlikely]]
    return finish();
  // If it was special it has suspended itself, to the same frame. Not `execution`: its body may
  // have been suspended as a part of a fiber_generator's, which another thread has resumed.
  note_suspended();
  return true;
}

inline bool GeneratorFrame::resume() {
  Execution& execution = Execution::current_or_none();
  if (execution.frame != data_.resumed_in) [[unlikely]]
    return resume_slow();
  execution.frame = &data_;
  return true;
}

inline void GeneratorFrame::suspend() {
  if (data_.is_special) [[unlikely]]
    return suspend_slow();
  note_suspended();
}

template <class Rule>
constexpr GeneratorFrame::Rule rule_of() {
  if constexpr (std::same_as<Rule, KeepsScopes>) return GeneratorFrame::Rule::keeps;
  if constexpr (std::same_as<Rule, ActsOnConsumer>) return GeneratorFrame::Rule::acts_on_consumer;
  return GeneratorFrame::Rule::own;
}

// Goes through the values of a generator of either kind.
template <class Generator>
class GeneratorIterator {
 public:
  using value_type = typename Generator::value_type;
  using difference_type = std::ptrdiff_t;
  explicit GeneratorIterator(Generator* from = nullptr) : from_(from) {}
  const value_type& operator*() const { return *value_; }
  GeneratorIterator& operator++() {
    value_ = from_->advance();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const GeneratorIterator& at, std::default_sentinel_t) {
    return at.value_ == nullptr;
  }

 private:
  Generator* from_;
  const value_type* value_ = nullptr;
};

}  // namespace detail

template <class T, class Rule = void>
class [[nodiscard]] generator {
 public:
  using value_type = T;

  class promise_type {
   public:
    generator get_return_object() {
      return generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(const T& value) {
      current = std::addressof(value);  // it lives in the coroutine until that goes on
      frame.yield();
      return {};
    }
    void return_void() { current = nullptr; }
    void unhandled_exception() {
      current = nullptr;
      frame.note_thrown();
    }
    void await_transform() = delete;  // it can wait in its body, as any code can

    detail::GeneratorFrame frame{detail::rule_of<Rule>()};
    const T* current = nullptr;  // also at its end
  };

  generator() = default;
  generator(generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  generator& operator=(generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~generator() { close(); }

  // The next value; nothing at its end. Throws what the body throws, and ends the generator by
  // that.
  std::optional<T> next() {
    const T* const value = advance();
    return value != nullptr ? std::optional<T>(*value) : std::nullopt;
  }
  // Ends it: what is open in its body is unwound, in its context, and its cleanups run.
  void close() {
    if (!handle_) return;
    const auto handle = std::exchange(handle_, nullptr);
    handle.promise().frame.close(handle.done());
    handle.destroy();  // its locals first, then the frame with its cleanups
  }

  // Gives the generator a context to run in, from its next resume on, instead of its consumer's;
  // nothing: takes it away again. Meanwhile nobody else enters that context.
  // Throws ContextError already_entered if somebody has entered it, or another generator was given
  // it, and not_innermost if the generator is suspended within a context that it entered itself.
  void set_context(std::optional<Context> context) {
    handle_.promise().frame.give(std::move(context));
  }

  using iterator = detail::GeneratorIterator<generator>;
  iterator begin() { return ++iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend iterator;
  explicit generator(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  // The next value, in the coroutine until that goes on; nullptr at the end.
  const T* advance() {
    const auto handle = handle_;
    if (!handle) return nullptr;
    const T* value = nullptr;
    const bool yielded = handle.promise().frame.advance([&] {
      handle.resume();
      value = handle.promise().current;
      return value != nullptr;
    });
    return yielded ? value : nullptr;
  }

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace isola
