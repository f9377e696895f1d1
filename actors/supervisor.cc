// How often children may fail, and their ends.
#include "supervisor.h"

#include <isola/actors/runtime.h>
#include <isola/serialization/check.h>
#include <isola/serialization/program_memory.h>

#include <algorithm>
#include <deque>

namespace isola {

namespace detail {

// Shared by the Supervisor and its children, which may outlive it for a moment.
class Supervision final : public Restarts {
 public:
  Supervision(SupervisorOptions options, Pool& pool) : options_(std::move(options)), pool_(pool) {}

  const std::string& name() const override { return options_.name; }

  bool restart_after(const ActorCell& cell, const Error& failure) override {
    Runtime& runtime = *cell.runtime;
    const int64_t now_ns = runtime.clock().now_ns();
    Error gave_up;
    size_t children = 0;
    {
      const ProgramMemory program;  // not the child's, whose heap may be exhausted
      sync::Lock lock(mutex_);
      if (closed_) return false;
      while (!failed_at_ns_.empty() && now_ns - failed_at_ns_.front() > options_.within.count())
        failed_at_ns_.pop_front();
      if (failed_at_ns_.size() < options_.restarts_max) {
        failed_at_ns_.push_back(now_ns);
        ++restarts_;
        return true;
      }
      closed_ = true;
      gave_up_ = gave_up = too_many(failure, cell);
      children = children_.size();
    }
    for (size_t i = 0; i < children; ++i)
      if (const CellRef other = child(i); other.get() != &cell) other->signal(kKill);
    runtime.report(gave_up);
    return false;
  }

  // False if it has stopped or given up.
  bool add(const CellRef& cell) {
    sync::Lock lock(mutex_);
    if (closed_) return false;
    // Looked through each time that it has doubled, so that ended ones don't pile up.
    if (children_.size() >= look_at_) {
      std::erase_if(children_, [](const CellRef& child) { return !is_alive(child); });
      look_at_ = std::max<size_t>(16, 2 * children_.size());
    }
    children_.push_back(cell);
    return true;
  }
  std::vector<CellRef> living() const {
    std::vector<CellRef> found;
    sync::Lock lock(mutex_);
    for (const CellRef& child : children_)
      if (is_alive(child)) found.push_back(child);
    return found;
  }
  // How many children there have been; from here on there are no more.
  size_t close() {
    sync::Lock lock(mutex_);
    closed_ = true;
    return children_.size();
  }
  // REQUIRES: index < close()
  CellRef child(size_t index) const {
    sync::Lock lock(mutex_);
    return children_[index];
  }
  uint64_t restarts() const {
    sync::Lock lock(mutex_);
    return restarts_;
  }
  Error gave_up() const {
    sync::Lock lock(mutex_);
    return gave_up_;
  }

 private:
  static bool is_alive(const CellRef& cell) {
    return cell->life.load(sync::memory_order_acquire) == Life::alive;
  }
  Error too_many(const Error& failure, const ActorCell& cell) const try {
    const auto within_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.within);
    const std::string what = options_.name + " gave up: " + cell.label() + " failed, after " +
                             std::to_string(options_.restarts_max) + " restarts within " +
                             std::to_string(within_ms.count()) + " ms";
    constexpr Code kCode = Code::too_many_restarts;
    return make_error(pool_, kCode, isola::name(kCode), what, {.actor = options_.name}, failure);
  } catch (const std::bad_alloc&) {
    return Error(Code::too_many_restarts);
  }

  const SupervisorOptions options_;
  Pool& pool_;
  mutable sync::Mutex mutex_;      // guards the rest
  std::vector<CellRef> children_;  // the oldest first; some may have ended
  size_t look_at_ = 16;
  std::deque<int64_t> failed_at_ns_;  // in the window
  uint64_t restarts_ = 0;
  bool closed_ = false;
  Error gave_up_;
};

}  // namespace detail

Supervisor::Supervisor(SupervisorOptions options)
    : runtime_(detail::current_runtime()),
      supervision_(std::make_shared<detail::Supervision>(std::move(options), runtime_->pool())) {}

Supervisor::Supervisor(System& system, SupervisorOptions options)
    : runtime_(system.runtime()),
      supervision_(std::make_shared<detail::Supervision>(std::move(options), runtime_->pool())) {}

Supervisor::~Supervisor() {
  try {
    stop();
  } catch (const Cancelled&) {
    // Its own actor is being killed and can't wait; it will be told so again.
    for (size_t i = supervision_->close(); i-- > 0;) supervision_->child(i)->signal(detail::kKill);
  }
}

std::shared_ptr<detail::Restarts> Supervisor::decides() const { return supervision_; }

detail::CellRef Supervisor::start(const SpawnOptions& options, const detail::BehaviourType& type,
                                  std::unique_ptr<detail::Incarnations> incarnations) {
  detail::SlotOptions slot = detail::slot_options(options);
  slot.origin = Origin::supervisor;
  detail::ActorCell* cell = runtime_->new_slot(slot, type, nullptr);
  if (cell == nullptr) return {};
  detail::CellRef ref(*cell);
  if (runtime_->refused(*cell, slot)) return ref;
  bool added = false;
  try {
    added = supervision_->add(ref);
  } catch (const std::bad_alloc&) {
    runtime_->end_actor(*cell, Error());
    throw;
  }
  if (!added) {
    runtime_->end_actor(*cell, Error());
    return ref;
  }
  detail::BeingMade being(*cell);
  try {
    cell->own_extras().incarnations = std::move(incarnations);
    cell->behaviour = cell->extras()->incarnations->make(*cell);
    type.run != nullptr ? runtime_->place(*cell) : runtime_->actor_made(*cell);
  } catch (...) {
    being.failed();
  }
  return ref;
}

uint64_t Supervisor::restarts() const { return supervision_->restarts(); }

std::vector<ActorRef> Supervisor::children() const {
  std::vector<ActorRef> refs;
  for (detail::CellRef& cell : supervision_->living()) refs.emplace_back(std::move(cell));
  return refs;
}

void Supervisor::stop() {
  // The youngest first. Nothing here takes memory: the destructor has to do it, too.
  for (size_t i = supervision_->close(); i-- > 0;) {
    const detail::CellRef child = supervision_->child(i);
    if (child.get() == detail::Execution::current().cell) continue;
    // A function actor has no end of a message.
    const bool is_function = child->type.load(sync::memory_order_relaxed)->run != nullptr;
    child->signal(is_function ? detail::kKill : detail::kStop);
    child->wait_for_end(kNoDeadline);
  }
}

Error Supervisor::join() {
  for (const ActorRef& child : children()) child.join();
  return supervision_->gave_up();
}

}  // namespace isola
