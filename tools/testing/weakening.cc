// The next weaker orders, and the runs that try them.
#include "weakening.h"

#include <isola/tools/testing/leaks.h>
#include <isola/tools/testing/simulation.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

namespace isola::testing {
namespace {

using std::memory_order;
using sync::Kind;

bool is_fence(Kind kind) {
  return kind == Kind::fence || kind == Kind::light_fence || kind == Kind::heavy_fence;
}

bool has_order(Kind kind) { return kind <= Kind::compare || is_fence(kind); }

const char* name_of(memory_order order) {
  switch (order) {
    case std::memory_order_seq_cst:
      return "seq_cst";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    default:
      return "relaxed";
  }
}

const char* name_of(const WrittenOrder& written) {
  switch (written.kind) {
    case Kind::load:
      return "load";
    case Kind::store:
      return "store";
    case Kind::exchange:
      return "exchange";
    case Kind::fetch:
      return "fetch";
    case Kind::compare:
      return written.on_failure ? "compare_exchange that fails" : "compare_exchange";
    case Kind::light_fence:
      return "light_fence";
    case Kind::heavy_fence:
      return "heavy_fence";
    default:
      return "fence";
  }
}

// The orders that are weaker by one step.
std::vector<memory_order> next_weaker(const WrittenOrder& written, memory_order order) {
  const bool loads = written.kind == Kind::load || written.on_failure;
  switch (order) {
    case std::memory_order_seq_cst:
      if (written.kind == Kind::light_fence || written.kind == Kind::heavy_fence)
        return {std::memory_order_relaxed};
      if (loads) return {std::memory_order_acquire};
      if (written.kind == Kind::store) return {std::memory_order_release};
      return {std::memory_order_acq_rel};
    case std::memory_order_acq_rel:
      return {std::memory_order_acquire, std::memory_order_release};
    case std::memory_order_acquire:
    case std::memory_order_release:
      return {std::memory_order_relaxed};
    default:
      return {};
  }
}

// What a compare with one order has as its second.
memory_order on_failure(memory_order order) {
  if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
  return order == std::memory_order_release ? std::memory_order_relaxed : order;
}

bool same_place(const sync::Site& a, const sync::Site& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

// "push" of "isola::detail::Inbox::Push isola::detail::Inbox::push(isola::Block*, uint32_t)".
std::string function_of(const sync::Site& site) {
  std::string_view name = site.function_name();
  name = name.substr(0, name.find('('));
  const size_t before = name.find_last_of(": *&");
  return std::string(before == std::string_view::npos ? name : name.substr(before + 1));
}

// The first failure among the seeds, if any.
std::optional<Failure> try_seeds(Simulation& simulation, const WeakeningOptions& options,
                                 const Simulation::Body& body, uint64_t& runs) {
  for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
    ++runs;
    if (auto failure = simulation.run(seed, body)) return failure;
  }
  return std::nullopt;
}

}  // namespace

std::string place_of(const sync::Site& site) {
  std::string_view path = site.file_name();
  const size_t file = path.rfind('/');
  if (file != std::string_view::npos && file > 0) {
    const size_t folder = path.rfind('/', file - 1);
    if (folder != std::string_view::npos) path.remove_prefix(folder + 1);
  }
  return std::string(path) + ":" + std::to_string(site.line());
}

bool WrittenOrder::is_of(const sync::Operation& operation) const {
  return operation.kind == kind && same_place(operation.site, site);
}

std::string WrittenOrder::text() const {
  std::string text = place_of(site) + " in " + function_of(site) + ": " + name_of(*this);
  return is_fence(kind) && kind != Kind::fence ? text : text + " " + name_of(order);
}

void Weakener::note(const sync::Operation& operation, memory_order order, bool on_failure) {
  for (const WrittenOrder& known : orders_)
    if (known.on_failure == on_failure && known.is_of(operation)) return;
  orders_.push_back({operation.site, operation.kind, order, on_failure});
}

void Weakener::apply(sync::Operation& operation) {
  if (!file_.empty() && has_order(operation.kind) &&
      std::string_view(operation.site.file_name()).ends_with(file_)) {
    note(operation, operation.order, false);
    if (operation.kind == Kind::compare && !operation.one_order)
      note(operation, operation.on_failure, true);
  }
  if (weakened_ == nullptr || !weakened_->is_of(operation)) return;
  if (weakened_->on_failure) {
    operation.on_failure = order_;
  } else {
    operation.order = order_;
    if (operation.one_order) operation.on_failure = on_failure(order_);
  }
}

WeakeningReport weaken_each(std::string_view file, const WeakeningOptions& options,
                            const std::function<void(Simulation&)>& body) {
  WeakeningReport report;
  Simulation simulation(
      {.memory = Memory::weak, .steps_max = options.steps_max, .trace = false});
  Weakener& weakener = simulation.weakener();
  simulation.set_weakening(true);
  weakener.collect(file);
  if (auto failure = try_seeds(simulation, options, body, report.runs)) {
    report.failure = "seed " + std::to_string(failure->seed) + ": " + failure->what;
    return report;
  }
  const std::vector<WrittenOrder> orders = weakener.orders();
  LeaksAllowed leaks_allowed;
  for (const WrittenOrder& written : orders) {
    // From strong to weak; what follows from an order that was detected is not tried.
    std::deque<memory_order> to_try;
    std::vector<memory_order> seen;
    const auto add = [&](memory_order order) {
      for (memory_order next : next_weaker(written, order)) {
        if (std::find(seen.begin(), seen.end(), next) != seen.end()) continue;
        seen.push_back(next);
        to_try.push_back(next);
      }
    };
    for (add(written.order); !to_try.empty(); to_try.pop_front()) {
      const memory_order order = to_try.front();
      weakener.weaken(&written, order);
      const std::string text = written.text() + " -> " + name_of(order);
      if (auto failure = try_seeds(simulation, options, body, report.runs)) {
        report.detected.push_back(text + ": seed " + std::to_string(failure->seed) + ": " +
                                  failure->what);
      } else {
        report.undetected.push_back(text);
        add(order);
      }
    }
  }
  return report;
}

std::vector<std::string> WeakeningReport::undetected_but(
    const std::vector<std::string>& harmless) const {
  std::vector<std::string> unexpected;
  const auto ends_in_one_of = [](const std::string& text, const auto& ends) {
    return std::any_of(ends.begin(), ends.end(),
                       [&](const std::string& end) { return text.ends_with(end); });
  };
  for (const std::string& text : undetected)
    if (!ends_in_one_of(text, harmless)) unexpected.push_back(text);
  for (const std::string& end : harmless)
    if (std::none_of(undetected.begin(), undetected.end(),
                     [&](const std::string& text) { return text.ends_with(end); }))
      unexpected.push_back("not needed on the list: " + end);
  return unexpected;
}

}  // namespace isola::testing
