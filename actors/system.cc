// A System's start and end, and what an actor may ask of the runtime.
#include "system.h"

#include <isola/serialization/check.h>

#include <stdexcept>

namespace isola {

namespace {

detail::ActorCell& current_cell() {
  detail::ActorCell* cell = detail::Execution::current().cell;
  ISOLA_REQUIRE(cell != nullptr, ==, true);
  return *cell;
}

}  // namespace

System::System(SystemOptions options) : runtime_(new detail::Runtime(std::move(options))) {
  try {
    runtime_->start();
  } catch (...) {
    runtime_->stop();
    runtime_->drop();
    throw;
  }
}

System::~System() {
  stop();
  runtime_->drop();
}

void System::stop() {
  ISOLA_REQUIRE(
      detail::Worker::current() == nullptr || &detail::Worker::current()->runtime() != runtime_, ==,
      true);
  runtime_->stop();
}

detail::Runtime& detail::current_runtime() {
  ActorCell* cell = Execution::current().cell;
  if (cell == nullptr) throw std::logic_error("isola: this is called in an isolate only");
  return *cell->runtime;
}

void yield() {
  detail::require_may_suspend(detail::Execution::current());
  detail::Worker* worker = detail::Worker::current();
  if (worker != nullptr) worker->yield();
}

uint64_t random() {
  detail::ActorCell& cell = current_cell();
  uint64_t& state = cell.own_extras().random_state;
  if (state == 0)
    state = cell.runtime->options().seed.value_or(0) ^ cell.id.load(sync::memory_order_relaxed);
  return next_random(state);
}

void report(Code code, const std::string& type, const std::string& message) {
  detail::ActorCell& cell = current_cell();
  cell.runtime->report(
      detail::make_error(cell.runtime->pool(), code, type, message, cell.failed_at()));
}

}  // namespace isola
