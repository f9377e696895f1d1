// The table of attachments beside a block.
#include "attachment.h"

#include <isola/serialization/check.h>

namespace isola::detail {

uint32_t attach(Block& block, std::unique_ptr<Attachment> attachment) {
  ISOLA_REQUIRE(block.origin == nullptr, ==, true);
  const ProgramMemory program;  // the table goes with the message
  if (block.attachments == nullptr) {
    block.attachments = new Attachments;
    block.flags |= Block::kAttached;
  }
  return block.attachments->add(std::move(attachment));
}

Attachment* find_attachment(const Block& block, uint32_t handle) {
  const Block& owner = block.origin != nullptr ? *block.origin : block;
  return owner.attachments == nullptr ? nullptr : owner.attachments->find(handle);
}

}  // namespace isola::detail
