// select: one of several operations takes effect, whichever is ready first.
//
//   auto [index, err] = isola::select{
//       isola::receiving(tasks, [&](Task::Reader task) { ... }),
//       isola::sending(results, std::move(done)).when(have_result),
//       isola::after(100ms, [&] { ... }),
//   };
//
// Of the branches that are ready each is as likely to be chosen. At most one takes effect: a
// receive takes its message, or a send gives its message away, only if it is chosen; a losing
// branch leaves no trace, and its message is still with the caller. The branches are evaluated
// once, in the order in which they are written.
//
// `index` is the number of the chosen branch, counted from 0 as they are written (kNoBranch: none,
// with the reason in `err`: timeout, if the deadline of the call came first, too_many_carriers).
// A branch on a closed channel is ready: it is chosen, and `err` is channel_closed. A branch on an
// end that is empty, or a send of an empty message, is an error at once, before anything takes
// effect (empty_end, channel_not_found, empty_message), unless it is switched off by when(false).
//
// Blocks, unless there is an otherwise(): the fiber, or the thread outside of actors. Throws
// Cancelled in an actor that is being ended. Thread safety: as of the ends that it names.
#pragma once

#include <isola/channels/call.h>
#include <isola/channels/channel.h>
#include <isola/channels/selector.h>
#include <isola/channels/stamp.h>

#include <array>
#include <chrono>
#include <concepts>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

inline constexpr size_t kNoBranch = detail::kNoBranch;

namespace detail {

struct Ignore {};

// Gives a received message to what the user named: a handler that takes a Delivery, a reader or a
// Result, a variable, or nothing.
template <class T, class To>
void hand_over(To& to, Result<T>&& result) {
  if constexpr (std::same_as<To, Ignore>) {
  } else if constexpr (std::same_as<To, Delivery<T>>) {
    if (!result.err) to = std::move(result.value);
  } else if constexpr (std::invocable<To&, Result<T>&&>) {
    to(std::move(result));
  } else if constexpr (std::invocable<To&, Delivery<T>&&>) {
    if (!result.err) to(std::move(result.value));
  } else if constexpr (std::invocable<To&, typename T::Reader>) {
    if (!result.err) to(result.value.root());
  } else {
    static_assert(std::invocable<To&>, "isola: a receiving branch takes a Delivery<T>& to fill, or "
                                       "a handler of a Delivery<T>, a T::Reader or a Result<T>");
    if (!result.err) to();
  }
}

// Kinds of branches, by what they have to offer to a select.
template <class T, class To>
class Receiving {
 public:
  static constexpr size_t kBranches = 1;
  Receiving(const Receiver<T>& receiver, To to) : receiver_(receiver), to_(std::forward<To>(to)) {}
  Receiving&& when(bool on) && {
    on_ = on;
    return std::move(*this);
  }

  size_t count() const { return 1; }
  Error prepare(SelectBranch* branch) {
    if (!on_) return Error();
    if (!receiver_) return receiver_.why_broken();
    branch->core = &receiver_.core();
    return Error();
  }
  void withdraw() {}
  void finish(SelectBranch* branch, size_t, const Error& error) {
    if (!error) {
      receiver_.resource()->note_use();
      if (Books* books = Execution::current().books) books->count_message();
    }
    hand_over<T>(to_, Result<T>{Delivery<T>(branch->block), error});
  }

 private:
  const Receiver<T>& receiver_;
  To to_;  // a handler, or a reference to a variable
  bool on_ = true;
};

template <class T, class Owner, class Then>
class Sending {
 public:
  Sending(const Sender<T>& sender, Owner& message, Then then)
      : sender_(sender), message_(message), then_(std::move(then)) {}
  Sending&& when(bool on) && {
    on_ = on;
    return std::move(*this);
  }

  size_t count() const { return 1; }
  Error prepare(SelectBranch* branch) {
    if (!on_) return Error();
    if (!sender_) return sender_.why_broken();
    if (!message_) return Error(Code::empty_message);
    call_ = message_.block()->envelope.reply;
    stamp_.emplace(*message_.block(), sender_.core().pool());
    branch->core = &sender_.core().route(*message_.block());
    branch->is_send = true;
    branch->block = message_.block();
    return Error();
  }
  void withdraw() {
    if (stamp_) stamp_->undo(*message_.block());
  }
  void finish(SelectBranch*, size_t, const Error& error) {
    if (error) return withdraw();
    message_.take();
    passed_on(call_);
    sender_.resource()->note_use();
    if constexpr (!std::same_as<Then, Ignore>) then_();
  }

 private:
  const Sender<T>& sender_;
  Owner& message_;
  Then then_;
  std::optional<Stamp> stamp_;
  const ReplyTarget* call_ = nullptr;  // of a message that is passed on
  bool on_ = true;
};

// Any of several receivers of one type.
template <class T, class To>
class ReceivingAny {
 public:
  ReceivingAny(std::span<const Receiver<T>> receivers, To to)
      : receivers_(receivers), to_(std::forward<To>(to)) {}
  ReceivingAny&& when(bool on) && {
    on_ = on;
    return std::move(*this);
  }

  size_t count() const { return receivers_.size(); }
  Error prepare(SelectBranch* branch) {
    for (const Receiver<T>& receiver : receivers_) {
      if (on_ && !receiver) return receiver.why_broken();
      branch++->core = on_ ? &receiver.core() : nullptr;
    }
    return Error();
  }
  void withdraw() {}
  void finish(SelectBranch* branch, size_t chosen, const Error& error) {
    if (!error) {
      receivers_[chosen].resource()->note_use();
      if (Books* books = Execution::current().books) books->count_message();
    }
    to_(chosen, Result<T>{Delivery<T>(branch[chosen].block), error});
  }

 private:
  std::span<const Receiver<T>> receivers_;
  To to_;
  bool on_ = true;
};

// A limit in time, or nothing to wait for at all.
template <class Then>
class Alternative {
 public:
  static constexpr bool kAlternative = true;
  Alternative(int64_t deadline_ns, bool at_once, Then then)
      : deadline_ns_(deadline_ns), at_once_(at_once), then_(std::move(then)) {}
  Alternative&& when(bool on) && {
    if (!on) {
      at_once_ = false;
      deadline_ns_ = kNoDeadline;
    }
    return std::move(*this);
  }

  size_t count() const { return 0; }
  int64_t deadline_ns() const { return deadline_ns_; }
  bool at_once() const { return at_once_; }
  void taken() {
    if constexpr (!std::same_as<Then, Ignore>) then_();
  }

 private:
  int64_t deadline_ns_;
  bool at_once_;
  Then then_;
};

template <class B>
inline constexpr bool kIsAlternative = requires { B::kAlternative; };

}  // namespace detail

// Receives, and gives the message to `to`: a handler that takes a Delivery<T>, a T::Reader, a
// Result<T> (it is called for errors too) or nothing; or a Delivery<T> variable, which is filled.
template <MessageStruct T, class To>
auto receiving(const Receiver<T>& receiver, To&& to) {
  using Kept = std::conditional_t<std::same_as<std::remove_cvref_t<To>, Delivery<T>>, Delivery<T>&,
                                  std::remove_cvref_t<To>>;
  return detail::Receiving<T, Kept>(receiver, std::forward<To>(to));
}
template <MessageStruct T>
auto receiving(const Receiver<T>& receiver) {
  return detail::Receiving<T, detail::Ignore>(receiver, {});
}
// Receives from any of them: `to` takes the receiver's number and a Result<T>. It is one branch.
template <MessageStruct T, class To>
auto receiving_any(std::span<const Receiver<T>> receivers, To to) {
  return detail::ReceivingAny<T, To>(receivers, std::move(to));
}
template <MessageStruct T, class To>
auto receiving_any(const std::vector<Receiver<T>>& receivers, To to) {
  return detail::ReceivingAny<T, To>(receivers, std::move(to));
}
// Sends the message, which stays with the caller unless this is the chosen branch.
template <MessageStruct T, class Owner, class Then = detail::Ignore>
  requires(std::same_as<Owner, Message<T>> || std::same_as<Owner, Delivery<T>>)
auto sending(const Sender<T>& sender, Owner&& message, Then then = {}) {
  return detail::Sending<T, Owner, Then>(sender, message, std::move(then));
}
// Is chosen when no other branch was ready for this long.
template <class Rep, class Period, class Then = detail::Ignore>
auto after(std::chrono::duration<Rep, Period> limit, Then then = {}) {
  return detail::Alternative<Then>(deadline_in(*detail::Execution::current().clock, limit), false,
                                   std::move(then));
}
// Is chosen if no other branch is ready: the select does not wait.
template <class Then = detail::Ignore>
auto otherwise(Then then = {}) {
  return detail::Alternative<Then>(kNoDeadline, true, std::move(then));
}

struct select {
  size_t index = kNoBranch;
  Error err;

  template <class... Branches>
  explicit select(Branches&&... branches) {
    static_assert(sizeof...(Branches) > 0, "isola: a select without branches would wait for ever");
    constexpr size_t kInline = 16;
    std::array<detail::SelectBranch, kInline> few;
    std::vector<detail::SelectBranch> many;
    const size_t count = (size_t{0} + ... + branches.count());
    if (count > kInline) many.resize(count);
    run(std::span(count > kInline ? many.data() : few.data(), count), branches...);
  }

 private:
  template <class... Branches>
  void run(std::span<detail::SelectBranch> all, Branches&... branches) {
    detail::count_step();
    prepare(all.data(), branches...);
    bool at_once = false;
    int64_t deadline_ns = kNoDeadline;
    (look_at(branches, at_once, deadline_ns), ...);
    size_t chosen = kNoBranch;
    try {
      if (index == kNoBranch) chosen = detail::select_branch(all, at_once, deadline_ns, err);
    } catch (...) {
      withdraw(kNoBranch, branches...);
      throw;
    }
    const bool broken = index != kNoBranch;
    // The deadline of the call is an error; this select's own is a branch.
    const bool own_limit = err == Code::timeout && deadline_ns != kNoDeadline &&
                           deadline_ns <= detail::Execution::current().deadline_ns;
    const bool alternative = !broken && chosen == kNoBranch && (own_limit || (at_once && !err));
    if (alternative) err = Error();
    // First the others, so that all is in order when a handler runs, and if it throws.
    withdraw(chosen, branches...);
    size_t number = 0;
    detail::SelectBranch* branch = all.data();
    if (chosen != kNoBranch) (finish(branches, number, branch, chosen), ...);
    if (alternative) (take_alternative(branches, number, at_once, deadline_ns), ...);
  }

  // Tells all branches but the chosen one that nothing came of them.
  template <class... Branches>
  static void withdraw(size_t chosen, Branches&... branches) {
    const auto one = [&](auto& each) {
      if constexpr (!detail::kIsAlternative<std::remove_cvref_t<decltype(each)>>) {
        const size_t count = each.count();
        if (chosen >= count) each.withdraw();
        chosen = chosen == kNoBranch || chosen < count ? kNoBranch : chosen - count;
      }
    };
    (one(branches), ...);
  }

  template <class... Branches>
  void prepare(detail::SelectBranch* branch, Branches&... branches) {
    size_t number = 0;
    const auto one = [&](auto& each) {
      if constexpr (!detail::kIsAlternative<std::remove_cvref_t<decltype(each)>>) {
        if (index == kNoBranch) {
          err = each.prepare(branch);
          if (err) index = number;
        }
        branch += each.count();
      }
      ++number;
    };
    (one(branches), ...);
  }

  template <class B>
  static void look_at(B& branch, bool& at_once, int64_t& deadline_ns) {
    if constexpr (detail::kIsAlternative<B>) {
      at_once = at_once || branch.at_once();
      deadline_ns = std::min(deadline_ns, branch.deadline_ns());
    }
  }

  // `chosen`: index among all branches, from this one's first on.
  template <class B>
  void finish(B& each, size_t& number, detail::SelectBranch*& branch, size_t& chosen) {
    if constexpr (!detail::kIsAlternative<B>) {
      const size_t count = each.count();
      if (chosen < count) {
        index = number;
        each.finish(branch, chosen, err);
      }
      branch += count;
      chosen = chosen == kNoBranch || chosen < count ? kNoBranch : chosen - count;
    }
    ++number;
  }

  template <class B>
  void take_alternative(B& each, size_t& number, bool at_once, int64_t deadline_ns) {
    if constexpr (detail::kIsAlternative<B>) {
      const bool mine = at_once ? each.at_once() : each.deadline_ns() == deadline_ns;
      if (mine && index == kNoBranch) {
        index = number;
        each.taken();
      }
    }
    ++number;
  }
};

}  // namespace isola
