// check and run.
#include "commands.h"

#include <fmt/format.h>
#include <isola/actors/system.h>
#include <isola/tools/inspect/agent.h>
#include <isola/tools/isola/signal_watch.h>
#include <isola/tools/topology/check.h>
#include <isola/tools/topology/run.h>
#include <isola/tools/topology/text.h>
#include <isola/tools/topology/topology.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace isola::cli {
namespace {

// One write, so that lines of several threads don't mix.
void print_error(const std::string& line) {
  // A progress line may stand there.
  const char* clear = isatty(STDERR_FILENO) != 0 ? "\r\x1b[K" : "";
  const std::string text = fmt::format("{}isola: {}\n", clear, line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string counted(size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int run_plan(const topology::Plan& plan) {
  SignalWatch watch;
  SystemOptions options = topology::system_options(*plan.topology);
  options.on_failure = [&watch](const Error& error) {
    // Actors that are being killed take their channels from those that are not yet.
    if (watch.received() == 0) print_error("error: " + topology::escaped(error.to_string()));
  };
  std::optional<System> made;
  try {
    made.emplace(std::move(options));
  } catch (const std::invalid_argument& error) {  // processors that this machine does not have
    print_error(fmt::format("error: {}", error.what()));
    return 1;
  }
  System& system = *made;
  std::optional<inspect::Agent> agent;
  try {
    agent.emplace(system);
  } catch (const std::system_error& error) {
    print_error(fmt::format("warning: `isola ps` will not see this run: {}", error.what()));
  }
  const std::vector<ActorRef> actors = topology::start(system, plan);
  watch.start(actors);
  for (const ActorRef& actor : actors) (void)actor.join();
  const int signal = watch.finish();
  if (signal == 0) return system.failures() == 0 ? 0 : 1;
  print_error(signal == SIGINT ? "ended by SIGINT" : "ended by SIGTERM");
  return 128 + signal;
}

}  // namespace

int check_command(const std::vector<std::string>& files, const topology::Registry& registry) {
  int status = 0;
  for (const std::string& file : files) {
    topology::Faults faults;
    const topology::Topology topology = topology::load(file, faults);
    const topology::Plan plan = topology::check(topology, registry, faults);
    std::fputs(faults.text().c_str(), stderr);
    if (faults.empty())
      fmt::print("{}: ok: {}, {}\n", topology::escaped(file), counted(plan.actor_count(), "actor"),
                 counted(plan.channels.size(), "channel"));
    else
      status = 1;
  }
  return status;
}

int run_command(const std::string& file, const std::vector<std::string>& settings,
                const topology::Registry& registry) {
  topology::Faults faults;
  topology::Topology topology = topology::load(file, faults);
  // Without actors each setting would be one more fault of the same cause.
  if (!topology.actors.empty())
    for (const std::string& setting : settings) apply_setting(topology, setting, faults);
  const topology::Plan plan = topology::check(topology, registry, faults);
  if (!faults.empty()) {
    std::fputs(faults.text().c_str(), stderr);
    return 1;
  }
  try {
    return run_plan(plan);
  } catch (const std::exception& error) {
    print_error(fmt::format("error: {}", topology::escaped(error.what())));
    return 1;
  }
}

}  // namespace isola::cli
