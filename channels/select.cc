// How a select looks, waits and leaves.
#include <isola/channels/select.h>
#include <isola/context/execution.h>
#include <isola/serialization/check.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <memory_resource>
#include <optional>
#include <vector>

namespace isola::detail {

namespace {

// One of 0 … count-1; splitmix64 (Steele, Lea, Flood 2014) on the stack's own state.
size_t choose(size_t count) {
  uint64_t z = Execution::current().random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) % count;
}

}  // namespace

class Selector {
 public:
  explicit Selector(std::span<SelectBranch> branches) : branches_(branches) {}

  size_t run(bool otherwise, int64_t deadline_ns, Error& error) {
    const size_t quick = try_hinted(error);
    if (quick != kNoBranch) return quick;
    collect();
    lock_all();
    for (const uint32_t index : order_) {
      if (!attempt(branches_[index])) continue;
      unlock_all();
      finish_attempt(branches_[index], error);
      return index;
    }
    if (otherwise) {
      unlock_all();
      return kNoBranch;
    }
    return wait(deadline_ns, error);
  }

 private:
  using Attempt = ChannelCore::Attempt;

  // Most selects find something: a receive that looks ready, tried under its own lock alone. Only
  // if all branches receive: a send has no such hint, and would be chosen less often.
  size_t try_hinted(Error& error) {
    size_t ready = 0;
    for (const SelectBranch& branch : branches_) {
      if (branch.is_off()) continue;
      if (branch.is_send) return kNoBranch;
      if (branch.core->looks_receivable()) ++ready;
    }
    if (ready == 0) return kNoBranch;
    size_t skip = ready > 1 ? choose(ready) : 0;
    for (size_t i = 0; i < branches_.size(); ++i) {
      SelectBranch& branch = branches_[i];
      if (branch.is_off() || !branch.core->looks_receivable() || skip-- > 0) continue;
      Block* block = nullptr;
      error = branch.core->receive(block, false, kNoDeadline);
      if (error == Code::channel_empty) break;  // somebody was faster
      branch.block = block;
      return i;
    }
    error = Error();
    return kNoBranch;
  }

  // The branches in a random order, and their channels in the order of addresses, each once.
  void collect() {
    order_.reserve(branches_.size());
    cores_.reserve(branches_.size());
    for (size_t i = 0; i < branches_.size(); ++i) {
      if (branches_[i].is_off()) continue;
      order_.push_back(static_cast<uint32_t>(i));
      cores_.push_back(branches_[i].core);
    }
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[choose(i)]);
    std::sort(cores_.begin(), cores_.end(), std::less<>());
    cores_.erase(std::unique(cores_.begin(), cores_.end()), cores_.end());
  }

  void lock_all() {
    for (ChannelCore* core : cores_) {
      core->mutex_.lock();
      ++core->locks_;
    }
  }
  void unlock_all() {
    for (ChannelCore* core : cores_) core->mutex_.unlock();
  }

  // True if the branch took effect, or failed: it is chosen. Under all locks.
  bool attempt(SelectBranch& branch) {
    ChannelCore& core = *branch.core;
    after_.emplace(core);
    if (branch.is_send) {
      if (item_policy(core) != 0) note_sender(core);
      attempt_ = core.try_send(branch.block, item_policy(core), *after_);
      if (attempt_ == Attempt::would_wait && core.options_.overflow == Overflow::fail) return true;
    } else if (core.drain_.load(sync::memory_order_acquire) != nullptr) {
      attempt_ = Attempt::would_wait;  // is taken without the lock
      drained_ = true;
      return true;
    } else {
      attempt_ = core.try_receive(branch.block, *after_);
    }
    if (attempt_ != Attempt::would_wait) return true;
    after_.reset();
    return false;
  }
  // The rest of it, without the locks.
  void finish_attempt(SelectBranch& branch, Error& error) {
    if (drained_) attempt_ = branch.core->take_drained(branch.block);
    after_.reset();
    if (attempt_ != Attempt::done) error = branch.core->failure(attempt_, branch.is_send);
  }

  static uint8_t item_policy(const ChannelCore& core) {
    return static_cast<uint8_t>(core.options_.owner_gone);
  }

  size_t wait(int64_t deadline_ns, Error& error) {
    Waiter self(deadline_ns);
    std::pmr::deque<WaitNode> nodes(&arena_);  // nodes stay where they are
    for (const uint32_t index : order_) {
      SelectBranch& branch = branches_[index];
      WaitNode& node = nodes.emplace_back(&self);
      if (branch.is_send) {
        node.block = branch.block;
        node.item_policy = item_policy(*branch.core);
      }
      queue_of(branch).push(node);
      branch.core->update_readable();
    }
    unlock_all();
    const Outcome outcome = self.wait(WaitsFor::select);
    for (size_t i = 0; i < order_.size(); ++i) leave(branches_[order_[i]], nodes[i]);
    if (self.winner == nullptr) {
      error = unsuccessful(outcome);
      return kNoBranch;
    }
    size_t place = 0;
    while (&nodes[place] != self.winner) ++place;
    SelectBranch& chosen = branches_[order_[place]];
    if (outcome == Outcome::closed) {
      error = chosen.core->error(Code::channel_closed);
    } else if (!chosen.is_send) {
      chosen.block = self.winner->block;
    }
    return order_[place];
  }

  static WaiterQueue& queue_of(const SelectBranch& branch) {
    return branch.is_send ? branch.core->waiting_senders_ : branch.core->waiting_receivers_;
  }

  // Takes the node out of its queue; senders that waited behind it may fit where it did not.
  static void leave(SelectBranch& branch, WaitNode& node) {
    ChannelCore& core = *branch.core;
    ChannelCore::After after(core);
    ChannelCore::Guard lock(core);
    queue_of(branch).remove(node);
    if (!branch.is_send) return;
    core.admit_senders(after);
    core.update_readable();
  }

  std::span<SelectBranch> branches_;
  // Enough for a dozen branches without the allocator.
  alignas(16) std::array<std::byte, 2048> memory_;
  std::pmr::monotonic_buffer_resource arena_{memory_.data(), memory_.size()};
  std::pmr::vector<uint32_t> order_{&arena_};
  std::pmr::vector<ChannelCore*> cores_{&arena_};
  std::optional<ChannelCore::After> after_;
  Attempt attempt_ = Attempt::would_wait;
  bool drained_ = false;
};

size_t select_branch(std::span<SelectBranch> branches, bool otherwise, int64_t deadline_ns,
                     Error& error) {
  return Selector(branches).run(otherwise, deadline_ns, error);
}

}  // namespace isola::detail
