// Generators whose body is an ordinary function on a stack of its own: it yields from whatever
// functions it calls.
//
//   void walk(const Node& node, isola::Yield<int>& yield) {
//     for (const Node& child : node.children) walk(child, yield);
//     yield(node.value);
//   }
//   isola::fiber_generator<int> values([&](isola::Yield<int>& yield) { walk(root, yield); });
//   for (int value : values) …
//
// As to contexts it is what isola::generator is: what it binds is its own, it sees its consumer's
// changes at each resume, it is a frame, and its Rule is one of those. The body may wait for
// anything, as its consumer might in its place: an actor's turn is suspended with it.
//
// Ownership: whoever holds the generator owns the body and its stack, which is there from the first
// resume to the body's end. Thread safety: one at a time; it may be resumed by another carrier or
// thread than before, so the body keeps no address of a thread_local across a yield.
#pragma once

#include <isola/context/exception_state.h>
#include <isola/context/generator.h>
#include <isola/context/stack_memory.h>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace isola {

inline constexpr size_t kFiberStackBytes = 64 * 1024;
// A throw, and what the C library needs to print, find room there.
inline constexpr size_t kFiberStackBytesMin = 16 * 1024;

struct FiberOptions {
  // Of the body's stack, in whole pages and not less than kFiberStackBytesMin. Below it lies a
  // guard page: who needs more ends the process by SIGSEGV. Builds with sanitizers give four times
  // as much.
  size_t stack_bytes = kFiberStackBytes;
};

namespace detail {

// A body, the stack it runs on, and the frame that it is.
class FiberBody {
 public:
  FiberBody(GeneratorFrame::Rule rule, const FiberOptions& options);
  FiberBody(const FiberBody&) = delete;
  FiberBody& operator=(const FiberBody&) = delete;
  virtual ~FiberBody() = default;

  // By the consumer: runs the body up to its next yield. False: there is none.
  bool resume();
  // By the consumer, once and before it is destroyed.
  void close();
  // By the body.
  void yield(const void* value);

  const void* value() const { return value_; }
  GeneratorFrame& frame() { return *frame_; }

 protected:
  virtual void run() = 0;

 private:
  // unbegun -> running; running -> suspended, by a yield, or done; suspended -> running
  enum class Stage : uint8_t { unbegun, suspended, running, done };

  void begin();
  void enter();
  void leave(bool for_good);
  void run_and_catch() noexcept;
  void drop_stack();
  void throw_abandoned() const;
  void require_not_running() const;

  Stage stage_ = Stage::unbegun;
  bool abandoned_ = false;
  void* context_ = nullptr;            // Boost.Context's: where the body goes on,
  void* consumers_context_ = nullptr;  // and where its consumer does
  const void* value_ = nullptr;        // it lives in the body until that goes on
  ExceptionState exceptions_;
  std::optional<GeneratorFrame> frame_;  // until close(): what it holds of the body goes later
  const size_t stack_bytes_;
  StackMemory stack_;
  // The sanitizers'.
  [[maybe_unused]] void* fake_stack_ = nullptr;
  [[maybe_unused]] const void* consumers_bottom_ = nullptr;
  [[maybe_unused]] size_t consumers_bytes_ = 0;
  [[maybe_unused]] void* tsan_fiber_ = nullptr;
  [[maybe_unused]] void* consumers_tsan_fiber_ = nullptr;
};

}  // namespace detail

// What a body yields with. It is the body's, and lives as long as that runs.
template <class T>
class Yield final {
 public:
  explicit Yield(detail::FiberBody& body) : body_(body) {}
  Yield(const Yield&) = delete;
  Yield& operator=(const Yield&) = delete;

  // Hands `value` to the consumer, and returns when that wants the next one. If it never will, this
  // throws what is no std::exception, now and at each later call, to unwind the body; while
  // something else unwinds it already, it returns at once instead.
  // Throws ContextError open_scope as co_yield does (StrictYields), and cannot_suspend in a
  // callback of a frame and on any other stack than the body's: a generator within it has a Yield
  // of its own.
  void operator()(const T& value) { body_.yield(std::addressof(value)); }

 private:
  detail::FiberBody& body_;
};

template <class T, class Rule = void>
class [[nodiscard]] fiber_generator {
 public:
  using value_type = T;
  using iterator = detail::GeneratorIterator<fiber_generator>;

  fiber_generator() = default;
  // The body is a copy of `body`, and lives until the generator is closed.
  template <class F>
  requires std::invocable < std::decay_t<F>
  &, Yield<T>& > explicit fiber_generator(F&& body, FiberOptions options = {})
      : body_(std::make_unique<BodyOf<std::decay_t<F>>>(std::forward<F>(body), options)) {}
  fiber_generator(fiber_generator&&) noexcept = default;
  fiber_generator& operator=(fiber_generator&& other) noexcept {
    body_.swap(other.body_);
    return *this;
  }
  // REQUIRES: the body does not run.
  ~fiber_generator() { close(); }

  // The next value; nothing at its end. Throws what the body throws, and ends the generator by
  // that. Throws std::bad_alloc if there is no memory for its stack: it has not begun then. Throws
  // ContextError already_entered if the body runs, so it is the body that wants the next value.
  // Blocks: as the body does.
  std::optional<T> next() {
    const T* const value = advance();
    return value != nullptr ? std::optional<T>(*value) : std::nullopt;
  }
  // Ends it: what is open in its body is unwound, in its context, and its cleanups run. What the
  // body throws meanwhile is reported on stderr, if it is a std::exception, and dropped.
  // Throws ContextError already_entered if the body runs.
  void close() {
    if (body_ == nullptr) return;
    body_->close();
    body_.reset();
  }
  // As generator::set_context. REQUIRES: it was not closed.
  void set_context(std::optional<Context> context) { body_->frame().give(std::move(context)); }

  iterator begin() { return ++iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend iterator;

  template <class F>
  class BodyOf final : public detail::FiberBody {
   public:
    template <class G>
    BodyOf(G&& body, const FiberOptions& options)
        : FiberBody(detail::rule_of<Rule>(), options), body_(std::forward<G>(body)) {}

   private:
    void run() override {
      Yield<T> yield(*this);
      std::invoke(body_, yield);
    }
    F body_;
  };

  // As a generator's.
  const T* advance() {
    return body_ != nullptr && body_->resume() ? static_cast<const T*>(body_->value()) : nullptr;
  }

  std::unique_ptr<detail::FiberBody> body_;
};

}  // namespace isola
