// The hook of throws, and the notes on exceptions that live.
#include "throw_trace.h"

#include <isola/serialization/program_memory.h>
#include <isola/serialization/sync.h>

#include <cxxabi.h>
#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace isola::detail {

namespace {

using Destroy = void (*)(void*);

// Of an exception that lives.
struct Note {
  void* exception;
  Destroy destroy;  // its own destructor; nullptr: it needs none
  Note* next;
  ThrownAt at;

  // The nothrow new of the C++ library throws first, which would get here again.
  static void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
    return std::malloc(bytes);
  }
  static void operator delete(void* memory) noexcept { std::free(memory); }
};

struct alignas(64) Shard {
  sync::Mutex mutex;
  Note* first = nullptr;
};

std::array<Shard, 16> shards;
sync::atomic<ReadContext> context_reader{nullptr};

Shard& shard_of(const void* exception) {
  return shards[(reinterpret_cast<uintptr_t>(exception) >> 6) % shards.size()];
}

[[maybe_unused]] std::unique_ptr<Note> take_note(const void* exception) {
  Shard& shard = shard_of(exception);
  sync::Lock lock(shard.mutex);
  for (Note** at = &shard.first; *at != nullptr; at = &(*at)->next) {
    if ((*at)->exception != exception) continue;
    std::unique_ptr<Note> note(*at);
    *at = note->next;
    return note;
  }
  return nullptr;
}

// What is called at the end of an exception that has a note.
[[maybe_unused]] void destroy_noted(void* exception) {
  const std::unique_ptr<Note> note = take_note(exception);
  if (note != nullptr && note->destroy != nullptr) note->destroy(exception);
}

// The destructor to be called instead of `destroy`.
[[maybe_unused, gnu::noinline]] Destroy trace_throw(void* exception, Destroy destroy) noexcept {
  const ProgramMemory program;  // a heap may be exhausted
  const TraceThrows untraced(false);  // what is thrown and caught in here, for lack of memory
  Note* note = new (std::nothrow) Note{exception, destroy, nullptr, {}};
  if (note == nullptr) return destroy;
  note->at.trace = trace_here();
  if (const ReadContext read = context_reader.load(sync::memory_order_acquire))
    read(note->at.context);
  Shard& shard = shard_of(exception);
  sync::Lock lock(shard.mutex);
  note->next = std::exchange(shard.first, note);
  return destroy_noted;
}

}  // namespace

void set_context_reader(ReadContext reader) {
  context_reader.store(reader, sync::memory_order_release);
}

ThrownAt thrown_at(const std::exception_ptr& exception) {
  // All that there is in it: the address of the exception.
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  void* address;
  std::memcpy(&address, static_cast<const void*>(&exception), sizeof(address));
  Shard& shard = shard_of(address);
  sync::Lock lock(shard.mutex);
  for (const Note* note = shard.first; note != nullptr; note = note->next)
    if (note->exception == address) return note->at;
  return {};
}

}  // namespace isola::detail

#ifndef ISOLA_SIMULATED
namespace __cxxabiv1 {

extern "C" [[gnu::weak, gnu::visibility("default")]] void __cxa_throw(void* exception,
                                                                      std::type_info* type,
                                                                      void (*destroy)(void*)) {
  using Throw = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto throw_it = reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
  // In the file of the C++ library that also defines __cxa_throw: in a static link it is taken from
  // there so, and its __cxa_throw with it.
  [[maybe_unused]] static const auto volatile its_file = &__cxa_init_primary_exception;
  if (isola::detail::TraceThrows::on()) destroy = isola::detail::trace_throw(exception, destroy);
  throw_it(exception, type, destroy);
  std::terminate();
}

}  // namespace __cxxabiv1
#endif
