// Keeping threads and end hooks of an isolate, and ending them with it.
#include "background.h"

#include <isola/actors/outside.h>
#include <isola/actors/runtime.h>

#include <stdexcept>

namespace isola::detail {

namespace {

Background& own_background() {
  ActorCell* cell = Execution::current().cell;
  if (cell == nullptr) throw std::logic_error("isola: outside of an isolate");
  std::unique_ptr<Background>& background = cell->own_extras().background;
  if (background == nullptr) background = std::make_unique<Background>();
  return *background;
}

bool is_alive(const CellRef& cell) {
  return cell->life.load(sync::memory_order_acquire) == Life::alive;
}

}  // namespace

void keep_thread(const ActorRef& thread) {
  if (!thread) return;    // the System has stopped
  const Outside outside;  // reset() takes the isolate's heap away, not this
  std::vector<CellRef>& threads = own_background().threads;
  // So an isolate that starts one after another does not gather them.
  std::erase_if(threads, [](const CellRef& each) { return !is_alive(each); });
  threads.push_back(thread.cell());
}

void keep_hook(std::unique_ptr<EndHook> hook) {
  const Outside outside;
  own_background().hooks.push_back(std::move(hook));
}

void end_background(ActorCell& cell, bool wait) {
  if (!has_background(cell)) return;
  Background& background = *cell.extras()->background;
  // Hooks may start threads and add hooks.
  while (!background.hooks.empty() || (wait && !background.threads.empty())) {
    if (!background.hooks.empty()) {
      const std::unique_ptr<EndHook> hook = std::move(background.hooks.back());
      background.hooks.pop_back();
      try {
        hook->run();
      } catch (const Cancelled&) {
        throw;
      } catch (...) {
        cell.runtime->report(capture_exception(cell.runtime->pool(), cell.failed_at()));
      }
    } else {
      const CellRef thread = std::move(background.threads.back());
      background.threads.pop_back();
      try {
        (void)thread->wait_for_end(kNoDeadline);
      } catch (const Cancelled&) {
        thread->signal(kKill);
        throw;
      }
    }
  }
}

void drop_background(ActorCell& cell) {
  if (!has_background(cell)) return;
  std::unique_ptr<Background>& background = cell.extras()->background;
  for (const CellRef& thread : background->threads)
    if (is_alive(thread)) thread->signal(kKill);
  background.reset();
}

}  // namespace isola::detail
