// Stamping a message with what travels beside its body: who sends it, in which context, by when it
// is to be handled. In checked builds the body is sealed, too.
//
// Thread safety: the message's one owner.
#pragma once

#include <isola/context/execution.h>
#include <isola/context/key.h>
#include <isola/serialization/block.h>
#include <isola/serialization/seal.h>

#include <utility>

namespace isola::detail {

class Stamp {
 public:
  // Stamps the block for a send by the running code. A context that it has already (a message that
  // is forwarded) stays, and a deadline is only shortened.
  Stamp(Block& block, Pool& pool) : Stamp(block, pool, *Execution::current().clock) {}
  // `clock`: that of the System which the message goes to.
  Stamp(Block& block, Pool& pool, const Clock& clock)
      : sender_(block.envelope.sender),
        deadline_ns_(block.envelope.deadline_ns),
        had_context_(block.envelope.context != nullptr),
        was_sealed_((block.flags & Block::kSealed) != 0) {
    const Execution& execution = Execution::current();
    block.envelope.sender = execution.isolate_id;
    if (!had_context_ && (execution.bindings != nullptr || execution.inherited != nullptr))
      block.envelope.context = wire_record(pool);
    const int64_t deadline_ns = execution.deadline_on(clock);
    if (deadline_ns < deadline_ns_) block.envelope.deadline_ns = deadline_ns;
    seal(block);
  }
  // The message was not sent: a later send may be another's, in another context.
  void undo(Block& block) const {
    block.envelope.sender = sender_;
    block.envelope.deadline_ns = deadline_ns_;
    if constexpr (kChecked)
      if (!was_sealed_) end_seal(block);
    if (!had_context_ && block.envelope.context != nullptr)
      release(std::exchange(block.envelope.context, nullptr));
  }

 private:
  const uint64_t sender_;
  const int64_t deadline_ns_;
  const bool had_context_;
  const bool was_sealed_;
};

}  // namespace isola::detail
