// How often children may fail, and their ends.
#include "supervisor.h"

#include <isola/actors/runtime.h>
#include <isola/serialization/check.h>

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
    std::vector<CellRef> others;
    Error gave_up;
    {
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
      others = children_;
    }
    runtime.report(gave_up);
    for (const CellRef& other : others)
      if (other.get() != &cell) other->signal(kKill);
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
  std::vector<CellRef> close() {
    sync::Lock lock(mutex_);
    closed_ = true;
    return children_;
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
  Error too_many(const Error& failure, const ActorCell& cell) const {
    const auto within_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.within);
    const std::string what = options_.name + " gave up: " + cell.label() + " failed, after " +
                             std::to_string(options_.restarts_max) + " restarts within " +
                             std::to_string(within_ms.count()) + " ms";
    constexpr Code kCode = Code::too_many_restarts;
    return make_error(pool_, kCode, isola::name(kCode), what, {.actor = options_.name}, failure);
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
    for (const detail::CellRef& child : supervision_->close()) child->signal(detail::kKill);
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
  if (!supervision_->add(ref)) {
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
  std::vector<detail::CellRef> children = supervision_->close();
  for (; !children.empty(); children.pop_back()) {
    detail::ActorCell& youngest = *children.back();
    if (&youngest == detail::Execution::current().cell) continue;
    // A function actor has no end of a message.
    const bool is_function = youngest.type.load(sync::memory_order_relaxed)->run != nullptr;
    youngest.signal(is_function ? detail::kKill : detail::kStop);
    youngest.wait_for_end(kNoDeadline);
  }
}

Error Supervisor::join() {
  for (const ActorRef& child : children()) child.join();
  return supervision_->gave_up();
}

}  // namespace isola
