// How records are made, from exceptions and without.
#include <isola/serialization/error.h>
#include <isola/serialization/error_text.h>
#include <isola/serialization/pool.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/throw_trace.h>
#include <isola/serialization/utf8.h>

#include <boost/exception/exception.hpp>
#include <boost/exception/get_error_info.hpp>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <optional>

namespace isola::detail {

namespace {

constexpr std::string_view kCut = "…";
constexpr size_t kCausesMax = 16;
constexpr size_t kCauseFramesMax = 8;
constexpr size_t kCauseMessageBytesMax = 16 * 1024;
constexpr size_t kContextEntriesMax = 64;

void set_bounded(std::string_view value, size_t bytes_max, auto init) {
  if (value.empty()) return;
  const bool cut = value.size() > bytes_max;
  const size_t size = cut ? whole_characters(value, bytes_max - kCut.size()) : value.size();
  capnp::Text::Builder out = init(static_cast<unsigned>(size + (cut ? kCut.size() : 0)));
  if (size > 0) std::memcpy(out.begin(), value.data(), size);
  if (cut) std::memcpy(out.begin() + size, kCut.data(), kCut.size());
}

#define ISOLA_SET_TEXT(struct_builder, Field, value, bytes_max) \
  set_bounded(value, bytes_max, [&](unsigned size) { return struct_builder.init##Field(size); })

// All that is known of a failure before it is written down.
struct Failure {
  Code code = Code::failed;
  Cause what;
  Trace thrown_at{};
  std::vector<Cause> causes{};
  std::vector<Trace> caused_at{};  // as many as causes
  std::vector<ErrorContext> context{};

  void add_cause(Cause cause, const Trace& trace) {
    if (causes.size() == kCausesMax) return;
    causes.push_back(std::move(cause));
    caused_at.push_back(trace);
  }
};

Trace trace_of(capnp::List<ErrorRecord::Frame>::Reader frames) {
  Trace trace;
  for (auto frame : frames)
    if (trace.size < kFramesMax) trace.pcs[trace.size++] = frame.getPc();
  return trace;
}

// A foreign failure and what it came from become causes of this one.
void add_foreign(Failure& failure, const Error& error) {
  Cause cause{error.type(), error.message(), error.actor()};
  if (!error.has_record()) return failure.add_cause(std::move(cause), {});
  cause.category = text_of(error.record().getCategory());
  cause.value = error.record().getValue();
  failure.add_cause(std::move(cause), trace_of(error.record().getFrames()));
  for (auto inner : error.record().getCauses())
    failure.add_cause({text_of(inner.getType()), text_of(inner.getMessage()),
                       text_of(inner.getActor()), text_of(inner.getCategory()), inner.getValue()},
                      trace_of(inner.getFrames()));
}

// What can be said of one exception, without those nested in it.
struct Described {
  Cause what;
  Code code = Code::failed;
  std::optional<Error> foreign{};         // it is this failure, passed on
  std::optional<Error> made_from{};       // it was made from this one
  std::exception_ptr nested = nullptr;
};

void describe_boost(const boost::exception& error, Described& described) {
  if (const char* const* file = boost::get_error_info<boost::throw_file>(error)) {
    Frame frame;
    frame.file = *file;
    if (const int* line = boost::get_error_info<boost::throw_line>(error))
      frame.line = static_cast<uint32_t>(*line);
    if (const char* const* function = boost::get_error_info<boost::throw_function>(error))
      frame.function = *function;
    described.what.frames.push_back(std::move(frame));
  }
}

Described describe_std(const std::exception& error) {
  Described described{{demangled(typeid(error)), error.what()}};
  if (const auto* rebuilt = dynamic_cast<const CarriesError*>(&error)) {
    described.what.type = rebuilt->error().type();  // not the class in which we carry it
    described.made_from = rebuilt->error();
  }
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    described.what.category = system->code().category().name();
    described.what.value = system->code().value();
  }
  if (const auto* boosted = dynamic_cast<const boost::exception*>(&error))
    describe_boost(*boosted, described);
  if (dynamic_cast<const PoolExhausted*>(&error) != nullptr) described.code = Code::pool_exhausted;
  return described;
}

// kj throws a class of its own that is a std::exception, too; its text names the source.
Described describe_kj(const kj::Exception& error) {
  Described described{{"kj::Exception", error.getDescription().cStr(), {}, "kj",
                       static_cast<int64_t>(error.getType())}};
  Frame frame;
  frame.file = error.getFile();
  frame.line = static_cast<uint32_t>(error.getLine());
  described.what.frames.push_back(std::move(frame));
  return described;
}

Described describe(const std::exception_ptr& exception) {
  Described described;
  try {
    std::rethrow_exception(exception);
  } catch (const RemoteError& error) {
    // The failure of somebody else, passed on: the first origin is the one to know.
    described = {{error.error().type(), error.error().message()}};
    described.foreign = error.error();
    if (const auto* outer = dynamic_cast<const std::nested_exception*>(&error))
      described.nested = outer->nested_ptr();
    return described;
  } catch (const kj::Exception& error) {
    described = describe_kj(error);
  } catch (const std::exception& error) {
    described = describe_std(error);
  } catch (const boost::exception& error) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    described = {{type == nullptr ? "boost::exception" : demangled(*type), "a Boost exception"}};
    describe_boost(error, described);
  } catch (const std::string& text) {
    described = {{"std::string", text}};
  } catch (const char* text) {
    described = {{"char const*", text == nullptr ? "" : text}};
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    described = {{type == nullptr ? "unknown" : demangled(*type),
                  "an exception without a message"}};
  }
  try {
    std::rethrow_exception(exception);
  } catch (const std::nested_exception& outer) {
    described.nested = outer.nested_ptr();
  } catch (...) {
  }
  // "std::_Nested_exception<X>" is what std::throw_with_nested makes of an X.
  constexpr std::string_view kWrapper = "std::_Nested_exception<";
  if (described.what.type.starts_with(kWrapper) && described.what.type.ends_with('>')) {
    described.what.type = described.what.type.substr(
        kWrapper.size(), described.what.type.size() - kWrapper.size() - 1);
  }
  return described;
}

uint64_t words_of(size_t bytes) { return 2 + bytes / 8; }
uint64_t words_of(const Cause& cause, const Trace& trace) {
  uint64_t words = 8 + words_of(cause.type.size()) + words_of(cause.message.size()) +
                   words_of(cause.actor.size()) + words_of(cause.category.size()) +
                   6 * (trace.size + cause.frames.size());
  for (const Frame& frame : cause.frames)
    words += words_of(frame.function.size()) + words_of(frame.file.size());
  return words;
}

// What is known by name comes first: what a library says about where it threw.
void write_frames(auto builder, const Cause& what, const Trace& trace, size_t frames_max) {
  const size_t named = std::min(what.frames.size(), frames_max);
  const size_t counters = std::min<size_t>(trace.size, frames_max - named);
  if (named + counters == 0) return;
  auto frames = builder.initFrames(static_cast<unsigned>(named + counters));
  for (size_t i = 0; i < named; ++i) {
    auto frame = frames[static_cast<unsigned>(i)];
    frame.setPc(what.frames[i].pc);
    frame.setLine(what.frames[i].line);
    ISOLA_SET_TEXT(frame, Function, what.frames[i].function, kErrorNameBytesMax);
    ISOLA_SET_TEXT(frame, File, what.frames[i].file, kErrorNameBytesMax);
  }
  for (size_t i = 0; i < counters; ++i)
    frames[static_cast<unsigned>(named + i)].setPc(trace.pcs[i]);
}

void write_origin(ErrorRecord::Builder record, const FailedAt& origin) {
  ISOLA_SET_TEXT(record, Actor, origin.actor, kErrorNameBytesMax);
  record.setActorId(origin.actor_id);
  ISOLA_SET_TEXT(record, Path, origin.path, kErrorNameBytesMax);
  record.setRestarts(origin.restarts);
  record.setTimeNs(origin.time_ns);
  record.setHeapBytes(origin.heap_bytes);
  record.setHeapPeakBytes(origin.heap_peak_bytes);
  record.setHeapQuotaBytes(origin.heap_quota_bytes);
  if (origin.message == nullptr) return;
  ISOLA_SET_TEXT(record, MessageType, origin.message->name(), kErrorNameBytesMax);
  record.setMessageTypeId(origin.message->id);
}

void write_context(ErrorRecord::Builder record, const std::vector<ErrorContext>& entries) {
  if (entries.empty()) return;
  auto context = record.initContext(
      static_cast<unsigned>(std::min(entries.size(), kContextEntriesMax)));
  for (unsigned i = 0; i < context.size(); ++i) {
    ISOLA_SET_TEXT(context[i], Name, entries[i].name, kErrorNameBytesMax);
    ISOLA_SET_TEXT(context[i], Value, entries[i].value, kErrorNameBytesMax);
  }
}

Error write(Pool& pool, Failure& failure, const FailedAt& origin) {
  // No more room than their bounds need; still too long, so that the cut is marked below.
  for (Cause& cause : failure.causes)
    cause.message.resize(std::min(cause.message.size(), kCauseMessageBytesMax + 8));
  failure.what.message.resize(std::min(failure.what.message.size(), kErrorMessageBytesMax + 8));
  // Everything in one segment, so that a record is read as cheaply as any message.
  uint64_t words = 48 + words_of(failure.what, failure.thrown_at) + words_of(origin.actor.size()) +
                   words_of(origin.path.size()) + words_of(kErrorNameBytesMax / 8);
  for (size_t i = 0; i < failure.causes.size(); ++i)
    words += words_of(failure.causes[i], failure.caused_at[i]);
  const std::vector<ErrorContext>& context =
      failure.context.empty() ? origin.context : failure.context;
  for (const ErrorContext& entry : context)
    words += 4 + words_of(entry.name.size()) + words_of(entry.value.size());
  Block* block = pool.take(words, true);
  block->start<ErrorRecord>();
  block->set_state(BlockState::shared);
  auto record = block->builder<ErrorRecord>();
  record.setCode(static_cast<uint16_t>(failure.code));
  ISOLA_SET_TEXT(record, Type, failure.what.type, kErrorNameBytesMax);
  ISOLA_SET_TEXT(record, Message, failure.what.message, kErrorMessageBytesMax);
  ISOLA_SET_TEXT(record, Category, failure.what.category, kErrorNameBytesMax);
  record.setValue(failure.what.value);
  write_frames(record, failure.what, failure.thrown_at, kFramesMax);
  write_origin(record, origin);
  write_context(record, context);
  if (failure.causes.empty()) return Error(failure.code, block);
  auto causes = record.initCauses(static_cast<unsigned>(failure.causes.size()));
  for (unsigned i = 0; i < causes.size(); ++i) {
    const Cause& cause = failure.causes[i];
    ISOLA_SET_TEXT(causes[i], Type, cause.type, kErrorNameBytesMax);
    ISOLA_SET_TEXT(causes[i], Message, cause.message, kCauseMessageBytesMax);
    ISOLA_SET_TEXT(causes[i], Actor, cause.actor, kErrorNameBytesMax);
    ISOLA_SET_TEXT(causes[i], Category, cause.category, kErrorNameBytesMax);
    causes[i].setValue(cause.value);
    write_frames(causes[i], cause, failure.caused_at[i], kCauseFramesMax);
  }
  return Error(failure.code, block);
}

#undef ISOLA_SET_TEXT

Error capture(Pool& pool, const FailedAt& origin) {
  const std::exception_ptr exception = std::current_exception();
  Described described = describe(exception);
  if (described.foreign && described.nested == nullptr) return *described.foreign;
  ThrownAt at = thrown_at(exception);
  Failure failure{described.code, std::move(described.what), at.trace};
  failure.context = std::move(at.context);
  if (described.made_from) add_foreign(failure, *described.made_from);
  for (std::exception_ptr inner = described.nested;
       inner != nullptr && failure.causes.size() < kCausesMax; inner = described.nested) {
    described = describe(inner);
    if (described.foreign) {
      add_foreign(failure, *described.foreign);
    } else {
      failure.add_cause(std::move(described.what), thrown_at(inner).trace);
      if (described.made_from) add_foreign(failure, *described.made_from);
    }
  }
  return write(pool, failure, origin);
}

}  // namespace

Error make_error(Pool& pool, Code code, std::string_view type, std::string_view message,
                 const FailedAt& origin, const Error& cause) {
  Failure failure{code, {std::string(type), std::string(message)}};
  if (cause) add_foreign(failure, cause);
  return write(pool, failure, origin);
}

Error capture_exception(Pool& pool, const FailedAt& origin) noexcept {
  const ProgramMemory program;  // the heap of who failed may be exhausted
  try {
    return capture(pool, origin);
  } catch (...) {
    return Error(Code::failed);
  }
}

}  // namespace isola::detail
