// Reading the command line.
#include "cli.h"

#include <fmt/format.h>
#include <isola/actors/crash.h>
#include <isola/tools/inspect/command.h>
#include <isola/tools/isola/commands.h>
#include <isola/tools/topology/text.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace isola::cli {
namespace {

constexpr const char* kFooter =
    "Exit status: 0 all went well, 1 a fault in a file or a failure while running, 2 wrong usage,\n"
    "130 or 143 after SIGINT or SIGTERM. `isola COMMAND --help` says more about a command.";
constexpr const char* kSettingHelp =
    "Gives an argument of an actor, or replaces it: --set reader.paths='[\"a.txt\"]'. VALUE is "
    "TOML; anything else is a text. May be given several times.";

std::vector<std::string> commands_of(CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(std::function<bool(CLI::App*)>()))
    names.push_back(command->get_name());
  return names;
}

// CLI11 says only that a command is missing, whatever was written in its place.
bool is_known(CLI::App& app, const std::string& word) {
  const auto commands = commands_of(app);
  return word.starts_with('-') ||
         std::find(commands.begin(), commands.end(), word) != commands.end();
}

}  // namespace

int main(int argc, char** argv, const topology::Registry& registry) {
  CLI::App app("Checks, runs and watches programs made of isolated actors.", "isola");
  app.footer(kFooter);
  app.set_version_flag("--version", "isola " ISOLA_VERSION);
  app.require_subcommand(1);
  int status = 0;

  std::vector<std::string> checked_files;
  CLI::App* check =
      app.add_subcommand("check", "Says what is wrong with topology files, and starts nothing");
  check->add_option("FILE", checked_files, "topology files, in TOML")->required();
  check->callback([&] { status = check_command(checked_files, registry); });

  std::string file;
  std::vector<std::string> settings;
  CLI::App* run = app.add_subcommand("run", "Checks a topology file and runs it to its end");
  run->add_option("FILE", file, "topology file, in TOML")->required();
  run->add_option("--set", settings, kSettingHelp)
      ->type_name("ACTOR.ARGUMENT=VALUE")
      ->allow_extra_args(false);
  run->callback([&] {
    report_crashes();
    status = run_command(file, settings, registry);
  });

  inspect::add_ps(app, status);

  if (argc > 1 && !is_known(app, argv[1])) {
    fmt::print(stderr, "isola: no command {}{}\nRun with --help for more information.\n",
               topology::in_quotes(argv[1]), topology::did_you_mean(argv[1], commands_of(app)));
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are asked for by throwing success.
    return app.exit(error) == 0 ? 0 : 2;
  }
  // A full disk shows only now.
  if (std::fflush(stdout) != 0 && status == 0) {
    std::perror("isola: standard output");
    status = 1;
  }
  return status;
}

}  // namespace isola::cli
