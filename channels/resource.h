// The resource list of an isolate: what must be released at its end even if no destructor of the
// isolate's own objects runs. It is kept in the runtime's memory.
//
// Thread safety: any thread. A resource belongs to at most one list.
// Invariants: 1. A resource is released once: by whoever took it out of its list.
#pragma once

#include <isola/serialization/program_memory.h>
#include <isola/serialization/sync.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

namespace isola::detail {

class ResourceList;

class Resource : public InProgramMemory {
 public:
  // of_runtime: goes at the isolate's end. of_user: also when the isolate is reset.
  enum class Kind : uint8_t { of_runtime, of_user };

  explicit Resource(Kind kind = Kind::of_runtime) : kind_(kind) {}
  virtual ~Resource() = default;
  // Releases what this stands for. Called once, by the list, or by who took it out before.
  virtual void release_resource() = 0;

 private:
  friend class ResourceList;
  const Kind kind_;
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
  // Releases and deletes what is left, the youngest first, and the user's before the runtime's.
  // Returns how many.
  size_t release_all() { return release(true); }
  // The same for the user's alone.
  size_t release_users() { return release(false); }

  // Whose list it is; set while nobody else can reach it.
  uint64_t isolate_id() const { return isolate_id_; }
  void set_isolate(uint64_t id) { isolate_id_ = id; }

  // Channels that hold items of this isolate which must not outlive it unchanged.
  void note_channel(uint64_t id);
  // The caller knows that nobody notes any more.
  std::vector<uint64_t> take_noted();

 private:
  size_t release(bool also_of_runtime);
  Resource*& first(Resource::Kind kind) { return first_[static_cast<size_t>(kind)]; }

  sync::Mutex mutex_;
  sync::atomic<bool> has_noted_{false};  // changed under the lock
  std::array<Resource*, 2> first_{};     // by kind
  uint64_t isolate_id_ = 0;
  std::unique_ptr<std::unordered_set<uint64_t>> noted_;  // made on first use
};

}  // namespace isola::detail
