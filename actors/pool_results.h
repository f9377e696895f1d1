// PoolResults: what IsolatePool::map gives, a range of results in the order of what was given.
//
//   for (auto& [score, err] : pool.map(&score_request, requests)) …
//
// Everything was submitted when it was made, whether or not somebody iterates. Each result is given
// back before the next one is waited for. Failures that nobody has taken are reported, as those of
// a dropped Future are.
//
// Thread safety: one thread (or actor) at a time.
#pragma once

#include <isola/actors/pool_task.h>
#include <isola/actors/runtime.h>

#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace isola {

template <class R>
class [[nodiscard]] PoolResults {
 public:
  using Value = Result<typename detail::RunResult<R>::type>;
  using Chunk = std::shared_ptr<detail::ChunkJob<R>>;

  PoolResults(std::deque<Chunk> chunks, detail::RuntimeRef runtime, int64_t deadline_ns)
      : chunks_(std::move(chunks)), runtime_(std::move(runtime)), deadline_ns_(deadline_ns) {}
  // One result, which is this.
  explicit PoolResults(Error error)
      : deadline_ns_(kNoDeadline), error_(std::move(error)), size_(1) {}
  PoolResults(PoolResults&&) noexcept = default;
  PoolResults& operator=(PoolResults&&) = delete;
  ~PoolResults() {
    for (const Chunk& chunk : chunks_) chunk->abandon(*runtime_);
  }

  // Waits for the next result and makes it current(); false: there are no more. When the time of
  // the map, or the deadline of the call, passes, the result is that error, what has not begun is
  // cancelled, and there are no more. Blocks.
  bool next() {
    current_ = Value();  // gives the last one back before waiting
    if (at_ == size_ && !fetch()) return false;
    if (at_ < results_.size())
      current_ = std::move(results_[at_]);
    else
      current_.err = error_;
    ++at_;
    return true;
  }
  Value& current() { return current_; }

  class Iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(PoolResults& results) : results_(&results) { ++*this; }
    Value& operator*() const { return results_->current(); }
    Value* operator->() const { return &results_->current(); }
    Iterator& operator++() {
      done_ = !results_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return done_; }

   private:
    PoolResults* results_;
    bool done_ = false;
  };
  // Waits for the first result. Once.
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  // The results of the next chunk. False: there is none.
  bool fetch() {
    if (chunks_.empty()) return false;
    results_.clear();
    detail::ChunkJob<R>& next = *chunks_.front();
    const bool has_ended = next.wait(deadline_ns_, error_);
    at_ = 0;
    size_ = next.size;
    if (!has_ended) {
      size_ = 1;
      give_up();
      return true;
    }
    if (next.value) {
      results_ = std::move(*next.value);
      for (Value& result : results_) own(result);
    }
    chunks_.pop_front();
    return true;
  }
  // Ends that come back belong to whoever takes them.
  static void own(Value& result) {
    if constexpr (requires { result.value; })
      detail::transfer_ends(result.value, detail::Execution::current().resources);
  }
  void give_up() {
    for (const Chunk& chunk : chunks_) {
      chunk->end_unbegun(*runtime_, Error(Code::cancelled));
      chunk->abandon(*runtime_);
    }
    chunks_.clear();
  }

  std::deque<Chunk> chunks_;
  detail::RuntimeRef runtime_;
  int64_t deadline_ns_;
  std::vector<Value> results_;  // of the chunk in hand; fewer than size_ if it was not run whole
  Error error_;                 // why
  size_t size_ = 0;
  size_t at_ = 0;
  Value current_;
};

}  // namespace isola
