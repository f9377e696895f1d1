// Adding to and releasing a resource list.
#include "resource.h"

#include <isola/serialization/check.h>

namespace isola::detail {

void ResourceList::add(Resource& resource) {
  sync::Lock lock(mutex_);
  ISOLA_ASSERT(resource.list_ == nullptr, ==, true);
  resource.list_ = this;
  Resource*& head = first(resource.kind_);
  resource.previous_ = nullptr;
  resource.next_ = head;
  if (head != nullptr) head->previous_ = &resource;
  head = &resource;
}

void ResourceList::remove(Resource& resource) {
  ResourceList* list = resource.list_;
  if (list == nullptr) return;
  sync::Lock lock(list->mutex_);
  Resource*& head = list->first(resource.kind_);
  (resource.previous_ != nullptr ? resource.previous_->next_ : head) = resource.next_;
  if (resource.next_ != nullptr) resource.next_->previous_ = resource.previous_;
  resource.list_ = nullptr;
}

void ResourceList::note_channel(uint64_t id) {
  const ProgramMemory program;
  sync::Lock lock(mutex_);
  if (noted_ == nullptr) noted_ = std::make_unique<std::unordered_set<uint64_t>>();
  noted_->insert(id);
  has_noted_.store(true, sync::memory_order_relaxed);
}

std::vector<uint64_t> ResourceList::take_noted() {
  // Relaxed: whoever noted one did so before, as the caller knows.
  if (!has_noted_.load(sync::memory_order_relaxed)) return {};
  sync::Lock lock(mutex_);
  std::vector<uint64_t> ids(noted_->begin(), noted_->end());
  noted_.reset();
  has_noted_.store(false, sync::memory_order_relaxed);
  return ids;
}

size_t ResourceList::release(bool also_of_runtime) {
  size_t count = 0;
  for (;; ++count) {
    Resource* resource;
    {
      sync::Lock lock(mutex_);
      // One at a time: the release of one may take others out of the list.
      resource = first(Resource::Kind::of_user);
      if (resource == nullptr && also_of_runtime) resource = first(Resource::Kind::of_runtime);
      if (resource == nullptr) return count;
      Resource*& head = first(resource->kind_);
      head = resource->next_;
      if (head != nullptr) head->previous_ = nullptr;
      resource->list_ = nullptr;
    }
    resource->release_resource();
    delete resource;
  }
}

}  // namespace isola::detail
