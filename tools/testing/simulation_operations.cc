// What an operation of isola::sync does in a simulation.
#include <isola/serialization/block.h>
#include <isola/tools/testing/simulation.h>

namespace isola::testing {
namespace {

using sync::Kind;

// A futex wait returns without a reason: one in so many.
constexpr uint64_t kSpuriousWakeOneIn = 8;
// How many weak compares pass between two that fail without a reason, on average.
constexpr uint64_t kSpuriousFailureMean = 16;

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::load:
      return "load";
    case Kind::store:
      return "store";
    case Kind::exchange:
      return "exchange";
    case Kind::fetch:
      return "fetch";
    case Kind::compare:
      return "compare_exchange";
    case Kind::fence:
      return "fence";
    case Kind::light_fence:
      return "light_fence";
    case Kind::heavy_fence:
      return "heavy_fence";
    case Kind::futex_wait:
      return "futex_wait";
    case Kind::futex_wake:
      return "futex_wake";
    case Kind::relax:
      break;
  }
  return "relax";
}

}  // namespace

Simulation::Model Simulation::step(const sync::Operation& operation) {
  if (++steps_ >= slice_end_) [[unlikely]]
    end_slice();
  note(running_ | static_cast<uint64_t>(operation.kind) << 16 |
       uint64_t{operation.site.line()} << 32);
  if (special_) return special_step(operation);
  if (operation.kind < Kind::compare) [[likely]]
    return Model::newest;
  operation_.kind = operation.kind;
  operation_.site = operation.site;
  return unmodelled();
}

Simulation::Model Simulation::unmodelled() {
  if (operation_.kind == Kind::relax) leave_turn();
  if (operation_.kind != Kind::compare || --until_spurious_ != 0) return Model::newest;
  until_spurious_ = static_cast<uint32_t>(random_.around(kSpuriousFailureMean));
  return Model::spurious;
}

Simulation::Model Simulation::special_step(const sync::Operation& operation) {
  operation_ = operation;
  if (weakens_) weakener_.apply(operation_);
  if (options_.trace) {
    std::string line = name_of(operation.kind);
    if (operation.word != nullptr)
      line += " #" + std::to_string(numbers_.try_emplace(operation.word, numbers_.size())
                                        .first->second);
    write_trace(line + " at " + place_of(operation.site));
  }
  if (!is_weak()) return unmodelled();
  if (operation.kind == Kind::relax) leave_turn();
  modelled_fence();
  return Model::modelled;
}

void Simulation::modelled_fence() {
  if (operation_.order == std::memory_order_relaxed) return;  // it is none, or was weakened away
  if (operation_.kind == Kind::fence) memory_.fence(running_, operation_.order);
  if (operation_.kind == Kind::light_fence) memory_.light_fence(running_);
  if (operation_.kind == Kind::heavy_fence) memory_.heavy_fence(running_);
}

void Simulation::check_race() {
  if (memory_.take_race()) [[unlikely]]
    fail("data race: thread " + std::to_string(running_) + " uses an atomic at " +
         place_of(operation_.site) + " that it does not know to be constructed");
  const uint32_t staleness = memory_.staleness();
  if (staleness == 0) return;
  note(staleness);
  if (options_.trace) write_trace("  sees an older value, by " + std::to_string(staleness));
}

uint64_t Simulation::load(uint64_t newest) {
  const uint64_t value = memory_.load(running_, operation_.word, newest, operation_.order);
  check_race();
  return value;
}

void Simulation::store(uint64_t newest, uint64_t value) {
  memory_.store(running_, operation_.word, newest, value, operation_.order);
  check_race();
}

void Simulation::modify(uint64_t newest, uint64_t value) {
  memory_.modify(running_, operation_.word, newest, value, operation_.order);
  check_race();
}

std::optional<uint64_t> Simulation::compare(uint64_t newest, uint64_t expected, uint64_t value,
                                            bool weak) {
  const auto seen = memory_.compare(running_, operation_.word, newest, expected, value,
                                    operation_.order, operation_.on_failure, weak);
  check_race();
  return seen;
}

void Simulation::constructed(const void* word, uint64_t value) {
  if (is_weak()) memory_.constructed(running_, word, value);
}

void Simulation::futex_wait(const sync::FutexWord& word, uint32_t expected, int64_t timeout_ns) {
  const sync::Site site = operation_.site;
  uint64_t value = word.load(std::memory_order_relaxed);
  if (is_weak()) {
    memory_.system_call(running_);
    value = memory_.load(running_, &word, value, std::memory_order_relaxed);
    check_race();
  }
  if (value != expected || random_.one_in(kSpuriousWakeOneIn)) return;
  VirtualThread& self = me();
  self.futex = &word;
  self.site = site;
  if (timeout_ns >= 0) {
    self.deadline_ns = now_ns_ + timeout_ns;
    ++timed_;
  }
  wait();
}

void Simulation::futex_wake(const void* word) {
  if (is_weak()) memory_.system_call(running_);
  uint32_t sleepers = 0;
  for (uint32_t i = 0; i < count_; ++i) sleepers += threads_[i]->futex == word;
  if (sleepers == 0) return;
  uint64_t chosen = sleepers == 1 ? 0 : random_.below(sleepers);
  for (uint32_t i = 0; i < count_; ++i)
    if (threads_[i]->futex == word && chosen-- == 0) return make_ready(*threads_[i]);
}

}  // namespace isola::testing
