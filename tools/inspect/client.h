// The inspector's side of the protocol: asks one running program for its actors.
//
// Nothing that the program says is trusted: messages, texts and their number are bounded, and
// every answer is waited for with a limit. Texts may hold any bytes: print them with text.h.
// Thread safety: any thread that has no kj event loop of its own.
#pragma once

#include <isola/actors/snapshot.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace isola::inspect {

// What a program says of itself.
struct ProcessInfo {
  uint32_t pid = 0;
  std::string name;
  std::string system;
  uint64_t started_ms = 0;  // since 1970
  uint32_t workers = 0;
  uint64_t actors = 0;
};

struct Listing {
  std::string socket;  // path
  ProcessInfo process;
  std::vector<ActorInfo> actors;  // by id
};

// Why there is no listing, and what can be done: one sentence that begins with the socket's path.
class ListingError : public std::runtime_error {
 public:
  enum class Kind : uint8_t {
    no_socket,  // nothing has that path
    dead,       // nobody listens: its program has ended
    not_socket,
    not_allowed,
    no_answer,  // in time
    closed,     // by the other end
    other_version,
    nonsense,  // what came is no inspector's protocol
    failed,    // anything else
  };
  ListingError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// Blocks: for at most `answer_max` on each answer. Fails: throws ListingError.
Listing read_listing(const std::string& socket, std::chrono::milliseconds answer_max);

}  // namespace isola::inspect
