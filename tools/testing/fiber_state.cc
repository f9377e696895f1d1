// Finds Boost's pointer, and keeps the helper threads.
#include "fiber_state.h"

#include <link.h>

#include <algorithm>
#include <boost/fiber/context.hpp>
#include <cstddef>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

namespace isola::testing {
namespace {

constinit thread_local void** running_context = nullptr;

struct Search {
  void* value;
  void** found = nullptr;
  int times = 0;
};

// Looks through the static data that this thread has of each library.
int search_library(dl_phdr_info* library, size_t, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  if (library->dlpi_tls_data == nullptr) return 0;
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const auto& part = library->dlpi_phdr[i];
    if (part.p_type != PT_TLS) continue;
    auto** words = static_cast<void**>(library->dlpi_tls_data);
    for (size_t n = 0; n < part.p_memsz / sizeof(void*); ++n) {
      if (words[n] != search.value) continue;
      search.found = &words[n];
      ++search.times;
    }
  }
  return 0;
}

void** find_running_context() {
  Search search{boost::fibers::context::active()};
  dl_iterate_phdr(search_library, &search);
  if (search.times != 1)
    throw std::runtime_error("isola::testing: can't tell where Boost.Fiber keeps what runs");
  return search.found;
}

}  // namespace

struct FiberStates::Helper {
  std::promise<void> may_end;
  void* context = nullptr;
  std::thread thread;
};

FiberStates::FiberStates() {
  if (running_context == nullptr) running_context = find_running_context();
}

FiberStates::~FiberStates() {
  for (auto& helper : helpers_) {
    helper->may_end.set_value();
    helper->thread.join();
  }
}

void* FiberStates::take() {
  if (free_.empty()) {
    auto helper = std::make_unique<Helper>();
    std::promise<void*> context;
    helper->thread = std::thread([&context, end = helper->may_end.get_future()] {
      context.set_value(boost::fibers::context::active());
      end.wait();
    });
    helper->context = context.get_future().get();
    free_.push_back(helper->context);
    helpers_.push_back(std::move(helper));
  }
  void* context = free_.back();
  free_.pop_back();
  return context;
}

void FiberStates::give(void* context) { free_.push_back(context); }

void FiberStates::abandon(void* context) {
  const auto helper =
      std::find_if(helpers_.begin(), helpers_.end(),
                   [&](const auto& candidate) { return candidate->context == context; });
  (*helper)->thread.detach();
  (void)helper->release();
  helpers_.erase(helper);
}

void* FiberStates::exchange(void* context) { return std::exchange(*running_context, context); }
bool FiberStates::in_use() { return running_context != nullptr; }

}  // namespace isola::testing
