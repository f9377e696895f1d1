// `isola ps`: the actors of the programs that run, as a table or as JSON.
//
//   isola ps                    every program of this user that has an agent
//   isola ps --pid 4711         that process
//   isola ps --socket PATH      whoever listens there
//   isola ps --id 7             only that actor or isolate, in whichever program has it
//   isola ps --json             as `Listing` of inspector.capnp
//   isola ps --timeout 10       seconds to wait for one answer
//
// Exit status: 0 all went well; 1 nothing was found, nothing has that id, or a program did not
// answer as it should: one line on stderr for each says why, and the others are listed all the
// same. Thread safety: one thread.
#pragma once

#include <isola/tools/inspect/limits.h>

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace isola::inspect {

struct PsOptions {
  int pid = 0;              // 0: not given
  std::string socket = {};  // empty: not given
  std::optional<uint64_t> id = {};
  bool json = false;
  std::chrono::milliseconds answer_max = kAnswerMax;
};

// Lists to `out`, complains to `err`; returns the exit status. Blocks: bounded by answer_max for
// each answer. Fails: never otherwise than by its status.
int ps(const PsOptions& options, std::ostream& out, std::ostream& err);

// Adds the command to a command line. When it is given, parsing runs it, with std::cout and
// std::cerr, and sets `exit_status`. What is written wrong throws CLI::ParseError, as for all
// commands: the program's status is then 2. REQUIRES: `exit_status` lives as long as `app`.
void add_ps(CLI::App& app, int& exit_status);

}  // namespace isola::inspect
