// What the subcommands do, once the command line is read.
#pragma once

#include <isola/tools/topology/registry.h>

#include <string>
#include <vector>

namespace isola::cli {

// Each returns the exit status. Faults go to stderr.
int check_command(const std::vector<std::string>& files, const topology::Registry& registry);

// Blocks until all actors have ended.
int run_command(const std::string& file, const std::vector<std::string>& settings,
                const topology::Registry& registry);

}  // namespace isola::cli
