// Runs, and the life of virtual threads.
#include "simulation.h"

#include <isola/serialization/block.h>
#include <isola/serialization/check.h>

#include <exception>
#include <utility>

namespace isola::testing {
namespace {

constexpr size_t kTraceBytesMax = 1 << 20;  // the end of a trace says most

std::string what_of(std::exception_ptr exception) {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    return std::string("an exception: ") + error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace

Simulation::Simulation(Options options) : options_(options) {
  if (options_.fibers) fiber_states_.emplace();
}

Simulation::~Simulation() = default;

std::optional<Failure> Simulation::run(uint64_t seed, const Body& body) {
  ISOLA_CHECK(Simulator::current(), ==, static_cast<Simulator*>(nullptr));
  reset(seed);
  VirtualThread& first = add_thread([&] { body(*this); }, "body");
  ready_.clear();  // it runs at once
  Simulator::set_current(this);
  start_slice();
  first.strand.resume_from(outside_);
  Simulator::set_current(nullptr);
  for (uint32_t i = 0; i < count_; ++i) {
    VirtualThread& thread = *threads_[i];
    if (thread.state != State::over) {
      stacks_.give(thread.strand.stack());
      if (fiber_states_) fiber_states_->abandon(thread.fiber_context);
    }
    thread.body = nullptr;
    thread.locals.clear();
  }
  if (failure_) failure_->trace = trace_;
  return failure_;
}

void Simulation::reset(uint64_t seed) {
  seed_ = seed;
  random_ = Random(seed);
  steps_ = 0;
  switches_ = 0;
  yields_in_vain_ = 0;
  trace_hash_ = 0;
  running_ = 0;
  special_ = is_weak() || options_.trace || weakens_;
  now_ns_ = 0;
  count_ = 0;
  over_ = 0;
  timed_ = 0;
  ready_.clear();
  failure_.reset();
  trace_.clear();
  numbers_.clear();
  until_spurious_ = static_cast<uint32_t>(random_.around(16));
  if (is_weak()) memory_.begin(random_);
  draw_strategy();
}

Simulation::VirtualThread& Simulation::add_thread(std::function<void()> body, std::string name) {
  if (is_weak() && count_ == kWeakThreadsMax)
    fail("more than " + std::to_string(kWeakThreadsMax) + " threads under weak memory");
  if (count_ == threads_.size()) threads_.push_back(std::make_unique<VirtualThread>());
  VirtualThread& thread = *threads_[count_];
  thread.simulation = this;
  thread.number = count_++;
  thread.state = State::ready;
  thread.joins = kNobody;
  thread.futex = nullptr;
  thread.deadline_ns = kNoDeadline;
  thread.priority = (random_.next() >> 1) | (uint64_t{1} << 63);
  thread.name = std::move(name);
  thread.body = std::move(body);
  thread.fiber_context = fiber_states_ ? fiber_states_->take() : nullptr;
  thread.strand.prepare(stacks_.take(), thread.fiber_context, &Simulation::enter, &thread);
  ready_.push_back(&thread);
  return thread;
}

uint32_t Simulation::spawn(std::function<void()> body, std::string name) {
  VirtualThread& thread = add_thread(std::move(body), std::move(name));
  if (is_weak()) memory_.thread_begins(thread.number, running_);
  if (by_priority_ && thread.priority > me().priority) slice_end_ = steps_ + 1;
  return thread.number;
}

void Simulation::enter(void* argument) {
  auto& thread = *static_cast<VirtualThread*>(argument);
  Simulation& simulation = *thread.simulation;
  std::exception_ptr exception;
  try {
    thread.body();
  } catch (...) {
    exception = std::current_exception();
  }
  if (exception != nullptr)
    simulation.fail(simulation.title(thread) + " was left by " + what_of(std::move(exception)));
  simulation.finish(thread);
}

void Simulation::finish(VirtualThread& thread) {
  while (!thread.locals.empty()) {
    const Local local = thread.locals.back();
    thread.locals.pop_back();
    local.destroy(local.object);
  }
  thread.state = State::over;
  ++over_;
  for (uint32_t i = 0; i < count_; ++i)
    if (threads_[i]->joins == thread.number) make_ready(*threads_[i]);
  // Nobody takes these before this strand has left them.
  stacks_.give(thread.strand.stack());
  if (fiber_states_) fiber_states_->give(thread.fiber_context);
  if (over_ == count_) end_run();
  while (ready_.empty())
    if (!fire_timer()) report_deadlock();
  VirtualThread& next = take_next();
  running_ = next.number;
  start_slice();
  next.strand.resume_from(thread.strand, true);
  std::terminate();  // nobody switches to what is over
}

void Simulation::end_run() {
  outside_.resume_from(me().strand, true);
  std::terminate();
}

void Simulation::fail(std::string what) {
  failure_ = Failure{seed_, std::move(what), {}};
  end_run();
}

void Simulation::join(uint32_t number) {
  while (threads_[number]->state != State::over) {
    me().joins = number;
    wait();
  }
  if (is_weak()) memory_.thread_joined(number, running_);
}

void Simulation::join_from(uint32_t first) {
  for (uint32_t i = first; i < count_; ++i)
    if (i != running_) join(i);
}

void Simulation::sleep_ns(int64_t duration_ns) {
  const int64_t until_ns = now_ns_ + duration_ns;
  while (now_ns_ < until_ns) {
    me().deadline_ns = until_ns;
    ++timed_;
    wait();
  }
}

void*& Simulation::local(const void* key, void (*destroy)(void*)) {
  std::vector<Local>& locals = me().locals;
  for (Local& local : locals)
    if (local.key == key) return local.object;
  return locals.emplace_back(Local{key, nullptr, destroy}).object;
}

void Simulation::write_trace(const std::string& line) {
  if (trace_.size() > kTraceBytesMax) trace_.erase(0, kTraceBytesMax / 2);
  trace_ += title(*threads_[running_]) + ": " + line + '\n';
}

std::string Simulation::title(const VirtualThread& thread) const {
  std::string text = "thread " + std::to_string(thread.number);
  return thread.name.empty() ? text : text + " (" + thread.name + ")";
}

void Simulation::report_deadlock() {
  std::string text = "deadlock:";
  for (uint32_t i = 0; i < count_; ++i) {
    const VirtualThread& thread = *threads_[i];
    if (thread.state == State::over) continue;
    text += "\n  " + title(thread) + " waits for ";
    text += thread.joins != kNobody ? "the end of " + title(*threads_[thread.joins])
                                    : "a futex, at " + place_of(thread.site);
  }
  fail(std::move(text));
}

}  // namespace isola::testing
