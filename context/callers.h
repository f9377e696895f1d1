// Who is behind a call: who sent the message that is handled here, on whose behalf, and so on.
//
//   isola::TraceCallers traced;          // what is sent from here, and from who handles that,
//   names server.ask<Query>(…);                // its callers
//
//   for (const isola::Caller& caller : isola::callers()) …    // in a handler, the last one first
//
// Thread safety: the code that runs.
#pragma once

#include <isola/context/scope.h>

#include <cstdint>
#include <vector>

namespace isola {

// A chain keeps its first and its last callers: no more than this.
inline constexpr size_t kCallersMax = 32;

struct Caller {
  uint64_t owner = 0;  // the isolate (IsolateId::word()), or the thread, with the top bit
  uint64_t frame = 0;  // the id of the frame that sent or spawned
  bool operator==(const Caller&) const = default;
};

// What is sent and spawned until the end of the C++ scope names its callers, and so does what is
// sent on its behalf. Costs a record for each message.
class TraceCallers final {
 public:
  TraceCallers() {
    binding_.kind = detail::BindingKind::traced;
    detail::open(detail::Execution::current(), binding_);
  }
  ~TraceCallers() { detail::close(binding_); }
  TraceCallers(const TraceCallers&) = delete;
  TraceCallers& operator=(const TraceCallers&) = delete;

 private:
  detail::Binding binding_{};
};

// Who sent the message that is handled here, on whose behalf that was sent, and so on to the frame
// where TraceCallers was opened. Empty if nobody has.
std::vector<Caller> callers();

}  // namespace isola
