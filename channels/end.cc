// Making, handing over and releasing ends.
#include "end.h"

#include <isola/context/execution.h>

namespace isola::detail {

EndResource::EndResource(ChannelCore& core, Side side, bool in_transit)
    : core_(core), side_(side), in_transit_(in_transit) {
  const Execution& execution = Execution::current();
  if (!in_transit) {
    isolate_id_ = execution.isolate_id;
    if (execution.resources != nullptr) execution.resources->add(*this);
  }
  core.add_end(*this);
}

void EndResource::transfer(ResourceList* list, bool in_transit) {
  ResourceList::remove(*this);
  core_.set_owner(*this, list != nullptr ? list->isolate_id() : 0, in_transit);
  if (list != nullptr) list->add(*this);
}

void End::release() {
  if (resource_ == nullptr) return;
  EndResource* resource = std::exchange(resource_, nullptr);
  ResourceList::remove(*resource);
  resource->release_resource();
  delete resource;
}

EndAttachment::EndAttachment(End&& end, const void* kind) : end_(std::move(end)), kind_(kind) {
  if (end_.resource() != nullptr) end_.resource()->transfer(nullptr, true);
}

void note_sender(ChannelCore& core) {
  if (ResourceList* list = Execution::current().resources) list->note_channel(core.id());
}

}  // namespace isola::detail
