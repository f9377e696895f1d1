// The resource list of an isolate: what must be released at its end even if no destructor of the
// isolate's own objects runs. It is kept in the runtime's memory.
//
// Thread safety: any thread. A resource belongs to at most one list.
#pragma once

#include <isola/serialization/sync.h>

#include <cstddef>

namespace isola::detail {

class ResourceList;

class Resource {
 public:
  virtual ~Resource() = default;
  // Releases what this stands for. Called once, by the list, at its isolate's end.
  virtual void release_resource() = 0;

 private:
  friend class ResourceList;
  ResourceList* list_ = nullptr;
  Resource* next_ = nullptr;
  Resource* previous_ = nullptr;
};

class ResourceList {
 public:
  ~ResourceList() { release_all(); }
  void add(Resource& resource);
  // Takes it out of whichever list has it, if any.
  static void remove(Resource& resource);
  // Releases and deletes what is left, youngest first. Returns how many.
  size_t release_all();

 private:
  sync::Mutex mutex_;
  Resource* first_ = nullptr;
};

}  // namespace isola::detail
