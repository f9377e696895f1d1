// The table and the JSON of `isola ps`.
#include "format.h"

#include <isola/tools/inspect/inspector.capnp.h>
#include <isola/tools/inspect/text.h>

#include <capnp/compat/json.h>
#include <capnp/message.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <utility>

namespace isola::inspect {
namespace {

constexpr size_t kColumns = 9;
using Row = std::array<std::string, kColumns>;

// Numbers stand right in their column, texts left.
constexpr std::array<bool, kColumns> kRight = {true, false, false, false, false,
                                               true, true,  true,  true};

Row row_of(const ActorInfo& actor) {
  const auto text = [](const std::string& value) {
    return value.empty() ? std::string("-") : printable(value);
  };
  return {std::to_string(actor.id),
          text(actor.name),
          text(actor.type),
          text(actor.state),
          text(actor.waits_for),
          std::to_string(actor.inbox_depth),
          std::to_string(actor.handled),
          human_bytes(actor.heap_bytes),
          std::to_string(actor.restarts)};
}

void print_row(std::ostream& out, const Row& row, const std::array<size_t, kColumns>& widths) {
  std::string line;
  for (size_t i = 0; i < kColumns; ++i) {
    const std::string gap(widths[i] - columns(row[i]), ' ');
    line += kRight[i] ? gap + row[i] : row[i] + gap;
    if (i + 1 < kColumns) line += "  ";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << '\n';
}

std::string counted(uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Cap'n Proto writes 64-bit numbers as strings, as JavaScript has only 53 bits for them. Counts
// stay below that, and a reader wants to compare them.
class NumberHandler final : public capnp::JsonCodec::Handler<uint64_t> {
 public:
  void encode(const capnp::JsonCodec&, uint64_t input,
              capnp::JsonValue::Builder output) const override {
    output.setNumber(static_cast<double>(input));
  }
  uint64_t decode(const capnp::JsonCodec&, capnp::JsonValue::Reader input) const override {
    return static_cast<uint64_t>(input.getNumber());
  }
};

// A text as JSON takes it: valid UTF-8.
class Utf8 {
 public:
  explicit Utf8(const std::string& text) : text_(valid_utf8(text)) {}
  operator capnp::Text::Reader() const { return {text_.c_str(), text_.size()}; }

 private:
  std::string text_;
};

class JsonWriter {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) { codec_.addTypeHandler(numbers_); }

  void write(const std::vector<Listing>& listings) {
    out_ << "{\"programs\":[";
    const char* separator = "";
    for (const Listing& listing : listings) {
      out_ << std::exchange(separator, ",\n");
      write(listing);
    }
    out_ << "]}\n";
  }

 private:
  // A whole list at once would take the codec some kilobytes of memory for each actor.
  void write(const Listing& listing) {
    const Utf8 socket(listing.socket);
    out_ << "{\"socket\":" << encoded(capnp::Text::Reader(socket));
    out_ << ",\"process\":" << encode(listing.process) << ",\"actors\":[";
    const char* separator = "\n";
    for (const ActorInfo& actor : listing.actors)
      out_ << std::exchange(separator, ",\n") << encode(actor);
    out_ << "]}";
  }

  std::string encode(const ProcessInfo& info) const {
    capnp::MallocMessageBuilder message;
    auto process = message.getRoot<rpc::Process>();
    process.setPid(info.pid);
    process.setName(Utf8(info.name));
    process.setSystem(Utf8(info.system));
    process.setStartedMs(info.started_ms);
    process.setWorkers(info.workers);
    process.setActorCount(info.actors);
    return encoded(process.asReader());
  }

  std::string encode(const ActorInfo& info) const {
    capnp::MallocMessageBuilder message(64);
    auto actor = message.getRoot<rpc::Actor>();
    actor.setId(info.id);
    actor.setName(Utf8(info.name));
    actor.setType(Utf8(info.type));
    actor.setState(Utf8(info.state));
    actor.setWaitsFor(Utf8(info.waits_for));
    actor.setInbox(info.inbox_depth);
    actor.setHandled(info.handled);
    actor.setHeapBytes(info.heap_bytes);
    actor.setRestarts(info.restarts);
    return encoded(actor.asReader());
  }

  template <class Reader>
  std::string encoded(Reader&& reader) const {
    const kj::String json = codec_.encode(std::forward<Reader>(reader));
    return printable_json({json.begin(), json.size()});
  }

  std::ostream& out_;
  NumberHandler numbers_;
  capnp::JsonCodec codec_;
};

}  // namespace

void print_table(std::ostream& out, const Listing& listing, uint64_t now_ms) {
  const ProcessInfo& process = listing.process;
  out << printable(process.name) << " (pid " << process.pid << "): system "
      << printable(process.system) << ", " << counted(process.workers, "worker") << ", "
      << counted(listing.actors.size(), "actor") << ", started "
      << human_duration(now_ms - std::min(now_ms, process.started_ms)) << " ago\n";
  const Row head = {"ID",    "NAME",    "TYPE", "STATE",   "WAITS FOR",
                    "INBOX", "HANDLED", "HEAP", "RESTARTS"};
  std::array<size_t, kColumns> widths{};
  const auto widen = [&widths](const Row& row) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], columns(row[i]));
  };
  widen(head);
  for (const ActorInfo& actor : listing.actors) widen(row_of(actor));
  print_row(out, head, widths);
  for (const ActorInfo& actor : listing.actors) print_row(out, row_of(actor), widths);
}

void print_json(std::ostream& out, const std::vector<Listing>& listings) {
  JsonWriter(out).write(listings);
}

}  // namespace isola::inspect
