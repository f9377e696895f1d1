// The resource list of an isolate: what must be released at its end even if no destructor of the
// isolate's own objects runs. It is kept in the runtime's memory.
//
// Thread safety: any thread. A resource belongs to at most one list.
#pragma once

#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

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

  // Whose list it is; set while nobody else can reach it.
  uint64_t isolate_id() const { return isolate_id_; }
  void set_isolate(uint64_t id) { isolate_id_ = id; }

  // Channels that hold items of this isolate which must not outlive it unchanged.
  void note_channel(uint64_t id);
  std::vector<uint64_t> take_noted();

 private:
  sync::Mutex mutex_;
  Resource* first_ = nullptr;
  uint64_t isolate_id_ = 0;
  std::unique_ptr<std::unordered_set<uint64_t>> noted_;  // made on first use
};

}  // namespace isola::detail
