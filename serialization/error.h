// Errors: a code, and, where something failed in an actor, the serialized record of it.
//
// Nothing throws across a boundary. The receiver looks at the Error, or says raise(), which throws
// a local RemoteError that carries it.
//
//   auto [total, err] = counter.ask<GetTotal>().get(100ms);
//   if (err) std::cerr << err << '\n';      // in one line; err.display(): all that is known
//   if (err) err.raise();                   // throws RemoteError
//   if (err) err.raise_as<std::out_of_range>();   // that, if it was one; else RemoteError
//
// Ownership: an Error shares its record, which outlives its origin and its System.
// Thread safety: as of any value; distinct Errors may share a record across threads.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/error_record.capnp.h>
#include <isola/serialization/frames.h>
#include <isola/serialization/type_name.h>

#include <iosfwd>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <vector>

namespace isola {

enum class Code : uint16_t {
  ok = 0,
  failed,             // a behaviour threw; the record says what
  timeout,            // the time given, or the deadline of the call, has passed
  cancelled,          // its actor ends, its System stops, or the call was cancelled (call.h)
  no_such_actor,      // the address names nobody, or nobody any more
  inbox_full,         // no room in the inbox, and waiting was not possible
  asks_itself,        // an actor asked itself and would wait for ever
  no_reply,           // the handler gave up its reply end unanswered
  pool_exhausted,     // the message pool has reached its bound
  too_many_carriers,  // no further handler may block on this worker at present
  channel_closed,
  channel_empty,
  channel_full,
  channel_not_empty,     // a close that would drop items was not forced
  channel_not_found,     // no channel has this id, or a message names an end that it does not carry
  item_owner_destroyed,  // the isolate that sent the item is gone, and its policy was `error`
  empty_end,             // the end was default-made, moved from or released
  empty_message,         // the message was moved from
  invalid_argument,
  isolate_running,    // what was asked for is refused while the isolate runs
  isolate_not_found,  // the handle's isolate is gone
  io,                 // a file or socket
  no_attachment,      // a message names an attachment that it does not carry
  wrong_attachment,   // the attachment is of another kind or type than was asked for
  bad_message,        // bytes from outside are no valid message
  message_too_large,  // bytes from outside exceed a limit
  unknown_type,       // no type with this name or id is registered
  too_many_offloads,  // no thread for an offloaded call, and no room to wait for one
  no_dispatcher,      // the System has no dispatcher of this name
  main_isolate,       // the main isolate can't be closed, terminated or reset
  too_many_restarts,  // a supervisor gave up
  broken_pool,        // the pool of isolates runs nothing any more: its initialiser failed
  pool_shut_down,     // the pool of isolates takes nothing any more: shut down, or its System has
  pool_full,          // as many tasks wait for the pool of isolates as may
  unknown_function,   // no function of this name and type is registered
  interrupted,        // the user ends the program, by SIGINT or SIGTERM
};

// The code's name as an identifier: "channel_closed".
std::string_view name(Code code);

// Where in a source the caller of a function is. Made as a default argument.
struct CallSite {
  const char* file = "";
  uint32_t line = 0;
  const char* function = "";

  static constexpr CallSite here(const char* file = __builtin_FILE(),
                                 uint32_t line = __builtin_LINE(),
                                 const char* function = __builtin_FUNCTION()) {
    return {file, line, function};
  }
};

// What a failure was thrown because of: a nested exception, or the failure of somebody else.
struct Cause {
  std::string type;
  std::string message;
  std::string actor{};     // name of the isolate, if it came from another one
  std::string category{};  // of its std::error_code; empty: it has none
  int64_t value = 0;
  std::vector<Frame> frames{};  // where it was thrown, the innermost first
};

// An entry of the context of the call that failed.
struct ErrorContext {
  std::string name;
  std::string value;
};

class Error {
 public:
  Error() = default;
  explicit Error(Code code) : code_(code) {}
  // Takes one use of `record`, a sealed ErrorRecord.
  Error(Code code, Block* record) : code_(code), record_(record) {}
  Error(const Error& other) : code_(other.code_), record_(other.record_) {
    if (record_ != nullptr) record_->retain();
  }
  Error(Error&& other) noexcept
      : code_(std::exchange(other.code_, Code::ok)),
        record_(std::exchange(other.record_, nullptr)) {}
  Error& operator=(Error other) noexcept {
    std::swap(code_, other.code_);
    std::swap(record_, other.record_);
    return *this;
  }
  ~Error() {
    if (record_ != nullptr) detail::release_slow(record_);  // rare: kept out of the way
  }

  // True if something failed.
  explicit operator bool() const { return code_ != Code::ok; }
  Code code() const { return code_; }
  bool operator==(Code code) const { return code_ == code; }

  // The same record under another code.
  Error as(Code code) const {
    Error other(*this);
    other.code_ = code;
    return other;
  }

  // Of the exception ("std::out_of_range"), or the code's name.
  std::string type() const;
  // The same without its namespaces: "out_of_range".
  std::string short_type() const;
  std::string message() const;
  // Name of the isolate in which it happened; empty for an error of this side.
  std::string actor() const;
  // Name of the message type that was being handled; empty if none.
  std::string message_type() const;
  // "std::out_of_range: no such word (in counter, handling GetTotal)"
  std::string to_string() const;
  // What it was thrown because of, the nearest first. Nested exceptions, at most 16.
  std::vector<Cause> causes() const;
  // Where it was thrown, the innermost first. Functions without their names, files and lines as far
  // as the program's symbols go; see frames.h.
  std::vector<Frame> frames() const;
  // Of the call that failed, the innermost first. Secrets have no value.
  std::vector<ErrorContext> context() const;
  // All of that in several lines, the last one without a line end:
  //   std::out_of_range: no such word (in counter, handling GetTotal)
  //   raised inside isolate counter (#7):
  //       Counter::on(GetTotal::Reader) (counter.cc:12)
  //   caused by std::runtime_error: the index is stale
  std::string display() const;
  // The record as JSON, in one line, with names for program counters.
  std::string to_json() const;
  // The same error with the names of its program counters in its record: for before the code that
  // they point into is unloaded.
  Error with_names() const;

  // Nothing if there is no record. Valid as long as this Error.
  bool has_record() const { return record_ != nullptr; }
  Block* record_block() const { return record_; }
  ErrorRecord::Reader record() const { return record_->read<ErrorRecord>(); }

  // Throws RemoteError. REQUIRES: an error.
  [[noreturn]] void raise(CallSite site = CallSite::here()) const;
  // Throws the first of these types that the failure was of, made anew from the record; if it was
  // none of them, RemoteError. The types must be the same: a std::out_of_range is none of
  // std::logic_error. See RebuildTrait. REQUIRES: an error.
  template <class... T>
  [[noreturn]] void raise_as(CallSite site = CallSite::here()) const;

 private:
  std::string category() const;
  Code code_ = Code::ok;
  Block* record_ = nullptr;
};

std::ostream& operator<<(std::ostream& out, const Error& error);

namespace detail {

// A local exception that was made from a foreign failure.
class CarriesError {
 public:
  CarriesError(Error error, CallSite site)
      : error_(std::move(error)), site_(site), raised_at_(trace_here()) {}
  const Error& error() const { return error_; }

 protected:
  ~CarriesError() = default;
  std::string display() const;

 private:
  Error error_;
  CallSite site_;
  Trace raised_at_;
};

}  // namespace detail

// What Error::raise throws: a local exception that carries a foreign failure.
// Thread safety: as of any value.
class RemoteError : public std::runtime_error, public detail::CarriesError {
 public:
  explicit RemoteError(Error error, CallSite site = CallSite::here());
  // All that is known, in several lines: what failed, where raise() was called, then Error::display
  // from the failure's side. It is put together when somebody asks; in one line: error().
  const char* what() const noexcept override;

 private:
  struct Text;
  std::shared_ptr<Text> text_;
};

// How Error::raise_as makes an exception anew: from its message, or, as std::bad_alloc, from
// nothing. Specialize for a type of your own that needs more.
template <class T>
struct RebuildTrait {
  static T rebuild(const Error& error) {
    if constexpr (std::is_constructible_v<T, std::string>)
      return T(error.message());
    else
      return T();
  }
};
// With the code that it had, as far as its category is one of the standard's.
template <>
struct RebuildTrait<std::system_error> {
  static std::system_error rebuild(const Error& error);
};

namespace detail {

// Made by raise_as. What catches a T catches it, and error() tells where it came from.
template <class T>
class Rebuilt final : public T, public CarriesError {
 public:
  Rebuilt(T made, Error error, CallSite site)
      : T(std::move(made)), CarriesError(std::move(error), site) {}
};

template <class T>
void raise_if(const Error& error, const std::string& type, CallSite site) {
  if (type == demangled(typeid(T))) throw Rebuilt<T>(RebuildTrait<T>::rebuild(error), error, site);
}

}  // namespace detail

template <class... T>
void Error::raise_as(CallSite site) const {
  const std::string its_type = type();
  if (code_ == Code::failed) (detail::raise_if<T>(*this, its_type, site), ...);
  raise(site);
}

// Bounds of a record's texts in bytes: a runaway message must not fill the pool.
inline constexpr size_t kErrorMessageBytesMax = 256 * 1024;
inline constexpr size_t kErrorNameBytesMax = 1024;

namespace detail {

// What a code means to somebody who has nothing else to go by: "the channel is closed".
std::string_view explain(Code code);

// Makes a record, also when the pool has reached its bound. Texts are cut at their bounds.
// `cause`: what it comes from; its causes become causes of the new one, too.
struct FailedAt;
Error make_error(Pool& pool, Code code, std::string_view type, std::string_view message,
                 const FailedAt& origin, const Error& cause = {});

// Makes a record of the exception that is being handled. It throws nothing: where there is no
// memory left for a record, the error has none. REQUIRES: called in a catch block.
Error capture_exception(Pool& pool, const FailedAt& origin) noexcept;

// Where a failure happened.
struct FailedAt {
  std::string actor{};
  uint64_t actor_id = 0;
  const MessageType* message = nullptr;
  // Of the call and of the actor, as far as they are known.
  std::string path{};
  std::vector<ErrorContext> context{};
  uint32_t restarts = 0;
  int64_t time_ns = 0;
  uint64_t heap_bytes = 0;
  uint64_t heap_peak_bytes = 0;
  uint64_t heap_quota_bytes = 0;  // 0: none
};

}  // namespace detail
}  // namespace isola
