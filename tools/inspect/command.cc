// Which programs `isola ps` lists, and what it says when it can't.
#include "command.h"

#include <isola/actors/isolate_id.h>
#include <isola/tools/inspect/client.h>
#include <isola/tools/inspect/format.h>
#include <isola/tools/inspect/socket_directory.h>
#include <isola/tools/inspect/text.h>
#include <isola/tools/inspect/unix_socket.h>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

namespace isola::inspect {
namespace {

// "7"; nothing that only begins so.
std::string fault_of_id(const std::string& text) {
  return IsolateId::parse(text).err ? "is no id of an actor or isolate: an id is a number like 7"
                                    : "";
}

// The longest that --timeout can wait, in seconds.
constexpr double kTimeoutMax = 3600;

class PsRun {
 public:
  PsRun(const PsOptions& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {}

  int run() {
    if (!options_.socket.empty())
      list(options_.socket);
    else
      list_found();
    if (listings_.empty() && !failed_) complain(nothing_found());
    if (options_.id) keep_only(*options_.id);
    print();
    return failed_ ? 1 : 0;
  }

 private:
  void list_found() {
    const auto sockets = options_.pid != 0 ? find_sockets(options_.pid) : find_sockets();
    for (const FoundSocket& socket : sockets) {
      try {
        listings_.push_back(read_listing(socket.path, options_.answer_max));
      } catch (const ListingError& error) {
        // That a program has ended, before or just now, is no news.
        if (has_ended(socket.path))
          remove_if_dead(socket);
        else
          complain(error.what());
      }
    }
  }

  // What else there is is left out.
  void keep_only(uint64_t id) {
    if (listings_.empty()) return;
    const size_t programs = listings_.size();
    for (Listing& listing : listings_)
      std::erase_if(listing.actors, [id](const ActorInfo& actor) { return actor.id != id; });
    std::erase_if(listings_, [](const Listing& listing) { return listing.actors.empty(); });
    if (listings_.empty())
      complain("no actor or isolate has the id " + std::to_string(id) + " in " +
               (programs == 1 ? "this program" : "any of these programs") +
               ": `isola ps` lists those that live");
  }

  static bool has_ended(const std::string& path) {
    return is_dead(path) || ::access(path.c_str(), F_OK) != 0;
  }

  void list(const std::string& path) {
    try {
      listings_.push_back(read_listing(path, options_.answer_max));
    } catch (const ListingError& error) {
      complain(error.what());
    }
  }

  std::string nothing_found() const {
    std::string where;
    for (const std::string& directory : socket_directories())
      where += (where.empty() ? "" : " or ") + printable(directory);
    if (options_.pid == 0)
      return "no running program found in " + where +
             ": start one with `isola run FILE`, or name a socket with --socket";
    const std::string pid = std::to_string(options_.pid);
    if (::kill(options_.pid, 0) != 0 && errno == ESRCH)
      return "no process has the pid " + pid + ": `isola ps` lists those that can be inspected";
    return "process " + pid + " has no socket in " + where +
           ": only `isola run` and programs with an isola::inspect::Agent can be inspected";
  }

  void complain(const std::string& what) {
    err_ << "isola ps: " << what << '\n';
    failed_ = true;
  }

  void print() {
    if (options_.json) {
      if (!listings_.empty()) print_json(out_, listings_);
    } else {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
      const char* gap = "";
      for (const Listing& listing : listings_) {
        out_ << std::exchange(gap, "\n");
        print_table(out_, listing, static_cast<uint64_t>(now_ms));
      }
    }
    out_.flush();
    if (!out_) complain("could not write the list");
  }

  const PsOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Listing> listings_;
  bool failed_ = false;
};

}  // namespace

int ps(const PsOptions& options, std::ostream& out, std::ostream& err) {
  try {
    return PsRun(options, out, err).run();
  } catch (const std::exception& error) {
    err << "isola ps: " << printable(error.what()) << '\n';
    return 1;
  }
}

void add_ps(CLI::App& app, int& exit_status) {
  struct Given {
    PsOptions options;
    double timeout_s = 0;
    std::string id;
  };
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("ps", "List the actors of running programs");
  auto* pid = command->add_option("--pid", given->options.pid, "Only the process with this pid")
                  ->check(CLI::PositiveNumber)
                  ->type_name("PID");
  command->add_option("--socket", given->options.socket, "The program that listens at this path")
      ->type_name("PATH")
      ->excludes(pid);
  command->add_option("--id", given->id, "Only the actor or isolate with this id")
      ->check(CLI::Validator(fault_of_id, "ID", "an id"))
      ->type_name("ID");
  command->add_flag("--json", given->options.json, "Print JSON");
  command->add_option("--timeout", given->timeout_s, "Seconds to wait for one answer (default: 3)")
      ->check(CLI::Range(0.001, kTimeoutMax))
      ->type_name("SECONDS");
  command->callback([given, &exit_status] {
    if (given->timeout_s > 0)
      given->options.answer_max =
          std::chrono::milliseconds(static_cast<int64_t>(given->timeout_s * 1000));
    if (!given->id.empty()) given->options.id = IsolateId::parse(given->id).value.word();
    exit_status = ps(given->options, std::cout, std::cerr);
  });
}

}  // namespace isola::inspect
