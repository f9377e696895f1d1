// Errors for people, in several lines, and for programs, as JSON.
#include <isola/serialization/error.h>
#include <isola/serialization/error_text.h>
#include <isola/serialization/pool.h>

#include <capnp/compat/json.h>
#include <capnp/dynamic.h>
#include <capnp/message.h>

namespace isola {

namespace {

using detail::text_of;

void add_frames(std::string& out, const std::vector<Frame>& frames) {
  for (const Frame& frame : frames) out += "\n    " + frame.to_string();
}

std::string code_text(const std::string& category, int64_t value) {
  return category.empty() ? "" : " [" + category + ":" + std::to_string(value) + "]";
}

// Replaces what are only program counters by what is known of them.
void name_frames(capnp::List<ErrorRecord::Frame>::Reader from, auto init) {
  const std::vector<Frame> frames = detail::frames_of(from);
  auto into = init(static_cast<unsigned>(frames.size()));
  for (unsigned i = 0; i < into.size(); ++i) {
    into[i].setPc(frames[i].pc);
    into[i].setFunction(frames[i].function);
    into[i].setFile(frames[i].file);
    into[i].setLine(frames[i].line);
  }
}

void name_all_frames(ErrorRecord::Reader from, ErrorRecord::Builder into) {
  name_frames(from.getFrames(), [&](unsigned size) { return into.initFrames(size); });
  for (unsigned i = 0; i < from.getCauses().size(); ++i)
    name_frames(from.getCauses()[i].getFrames(),
                [&](unsigned size) { return into.getCauses()[i].initFrames(size); });
}

}  // namespace

std::string Error::display() const {
  std::string out = to_string();
  if (record_ == nullptr) return out;
  const ErrorRecord::Reader record = this->record();
  out += code_text(category(), record.getValue());
  const std::vector<Frame> thrown_at = frames();
  const std::string where = record.getPath().size() > 0 ? text_of(record.getPath()) : actor();
  if (!where.empty()) {
    out += "\nraised inside isolate " + where + " (#" + std::to_string(record.getActorId());
    if (record.getRestarts() > 0) out += ", restarts: " + std::to_string(record.getRestarts());
    out += ")";
    if (!thrown_at.empty()) out += ":";
  } else if (!thrown_at.empty()) {
    out += "\nraised at:";
  }
  add_frames(out, thrown_at);
  for (const ErrorContext& entry : context())
    out += "\n  with " + entry.name + " = " + entry.value;
  for (const Cause& cause : causes()) {
    out += "\ncaused by " + cause.type + ": " + cause.message;
    out += code_text(cause.category, cause.value);
    if (!cause.actor.empty()) out += " (in " + cause.actor + ")";
    add_frames(out, cause.frames);
  }
  return out;
}

std::string detail::CarriesError::display() const {
  // The line of the call is known also where nothing else is.
  std::string out = error_.to_string() + "\nraised here, at " + site_.file + ":" +
                    std::to_string(site_.line) + ", by:";
  std::string frames;
  for (const Frame& frame : look_up(raised_at_.all())) {
    // Those of the exception itself and of raise().
    if (frames.empty() && (frame.function.find("CarriesError") != std::string::npos ||
                           frame.function.find("RemoteError") != std::string::npos ||
                           frame.function.starts_with("isola::Error::raise")))
      continue;
    frames += "\n    " + frame.to_string();
  }
  out += frames.empty() ? std::string("\n    ") + site_.function : frames;
  std::string rest = error_.display();
  const size_t line = rest.find('\n');
  return line == std::string::npos ? out : out + rest.substr(line);
}

Error Error::with_names() const {
  if (record_ == nullptr) return *this;
  // Names take room: what is known so far, and a guess.
  constexpr uint64_t kWordsPerFrame = 24;
  uint64_t words = record().totalSize().wordCount + kWordsPerFrame * record().getFrames().size();
  for (auto cause : record().getCauses()) words += kWordsPerFrame * cause.getFrames().size();
  Block* block = record_->pool->take(words, true);
  block->start<ErrorRecord>();
  block->set_state(BlockState::shared);
  const capnp::DynamicStruct::Reader from = record();
  const capnp::DynamicStruct::Builder into = block->builder<ErrorRecord>();
  for (auto field : from.getSchema().getFields())
    if (from.has(field)) capnp::DynamicStruct::Builder(into).set(field, from.get(field));
  name_all_frames(record(), block->builder<ErrorRecord>());
  return Error(code_, block);
}

std::string Error::to_json() const {
  if (record_ != nullptr) return capnp::JsonCodec().encode(with_names().record()).cStr();
  capnp::MallocMessageBuilder plain;
  auto record = plain.initRoot<ErrorRecord>();
  record.setCode(static_cast<uint16_t>(code_));
  record.setType(type());
  record.setMessage(message());
  return capnp::JsonCodec().encode(record.asReader()).cStr();
}

}  // namespace isola
