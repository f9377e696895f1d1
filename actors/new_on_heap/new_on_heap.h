// Plain new and delete on the actor's heap: link the target isola::new_on_heap, nothing else.
//
//   std::map<std::string, int> counts;     // a member of a behaviour: its nodes are the actor's
//   isola::on_unfreed([](const isola::Unfreed& left) { std::cerr << left.to_string(); });
//
// It replaces the global operators. What code allocates with them while it runs as an actor comes
// from chunks of that actor, counts as its heap's live bytes and against its quota, and goes back
// there. All else comes from malloc: other threads, an Outside scope, and what is allocated while a
// static local is being initialised, since that stays for ever.
//
// At the actor's end its chunks go whole if everything was freed. If not, on_unfreed says what was
// left, and the chunks stay until the last of it is freed: by then a library may have kept it (the
// facets of a locale at their first use), or it may have moved to somebody else, as the text in a
// std::string does that is handed to a new actor. So nobody is left with memory that is gone.
// drop_unfreed(true) has them go at once: only for programs that know that nothing is kept.
//
// Whoever deletes memory of another actor, or of one from a thread outside, does not touch its
// heap: the block goes back when that actor allocates the next time, or ends. on_foreign_delete
// says both names. That is no fault where the owner was moved over: an argument of spawn, say.
//
// Limits: each block costs 48 bytes more in an actor and 16 elsewhere. Code that calls malloc, and
// containers with allocators of their own, are not seen. What the runtime allocates for an actor
// while that runs, an ask for example, counts as the actor's. Not together with the address or
// thread sanitizer, which replace the operators themselves. One program has one such library: link
// it to the executable.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace isola {

// What one place in the program allocated and nobody freed.
struct UnfreedSite {
  const void* address = nullptr;  // where new was called
  std::string function;           // as far as the program's symbols tell; else "program+0x1234"
  uint64_t blocks = 0;
  uint64_t bytes = 0;
};

// What an actor left at its end.
struct Unfreed {
  static constexpr size_t kSitesMax = 16;  // enough to begin with

  uint64_t actor = 0;
  std::string name;
  uint64_t blocks = 0;
  uint64_t bytes = 0;
  std::vector<UnfreedSite> sites;  // those with the most bytes first; not more than kSitesMax

  // Some lines for people.
  std::string to_string() const;
};

struct ForeignDelete {
  std::string owner;    // whose memory it is; the actor may have ended
  std::string by;       // who deletes it; "a plain thread"
  uint64_t bytes = 0;
  std::string allocated_by;  // as UnfreedSite::function
};

// Called at the end of each actor that left something, on the thread where it ended. It must
// neither block nor throw. Empty, as at the start: nobody is told.
void on_unfreed(std::function<void(const Unfreed&)> callback);
// Called for each such delete, on its thread, before it returns. It must neither block nor throw.
void on_foreign_delete(std::function<void(const ForeignDelete&)> callback);
// Whether what was left goes with the actor. False at the start.
void drop_unfreed(bool drop);

}  // namespace isola
