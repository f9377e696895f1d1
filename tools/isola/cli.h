// The command-line program, for a program that brings types of actors of its own:
//
//   int main(int argc, char** argv) {
//     isola::topology::Registry registry;
//     registry.add("shop.Counter", &counter, {"orders", "totals"});
//     return isola::cli::main(argc, argv, registry);
//   }
//
// It then has `check` and `run` for topology files of these types, and `ps`.
#pragma once

#include <isola/tools/topology/registry.h>

namespace isola::cli {

// Exit status: 0 all went well; 1 a fault in a file, or something failed while it ran; 2 wrong
// usage; 128 + n after signal n (SIGINT, SIGTERM) has ended a run.
// REQUIRES: called before threads of the caller's own are started that must not get the signals.
int main(int argc, char** argv, const topology::Registry& registry);

}  // namespace isola::cli
