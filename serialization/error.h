// Errors: a code, and, where something failed in an actor, the serialized record of it.
//
// Nothing throws across a boundary. The receiver looks at the Error, or says raise(), which throws
// a local RemoteError that carries it.
//
//   auto [total, err] = counter.ask<GetTotal>().get(100ms);
//   if (err) std::cerr << err << '\n';   // or err.raise()
//
// Ownership: an Error shares its record, which outlives its origin and its System.
// Thread safety: as of any value; distinct Errors may share a record across threads.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/error_record.capnp.h>

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace isola {

enum class Code : uint16_t {
  ok = 0,
  failed,             // a behaviour threw; the record says what
  timeout,            // the time given, or the deadline of the call, has passed
  cancelled,          // the operation was cancelled: its actor ends or its System stops
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
};

// The code's name as an identifier: "channel_closed".
std::string_view name(Code code);

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
  std::string message() const;
  // Name of the isolate in which it happened; empty for an error of this side.
  std::string actor() const;
  // Name of the message type that was being handled; empty if none.
  std::string message_type() const;
  // "std::out_of_range: no such word (in counter, handling GetTotal)"
  std::string to_string() const;

  // Nothing if there is no record. Valid as long as this Error.
  bool has_record() const { return record_ != nullptr; }
  Block* record_block() const { return record_; }
  ErrorRecord::Reader record() const { return record_->read<ErrorRecord>(); }

  // Throws RemoteError. REQUIRES: an error.
  [[noreturn]] void raise() const;

 private:
  Code code_ = Code::ok;
  Block* record_ = nullptr;
};

std::ostream& operator<<(std::ostream& out, const Error& error);

// What Error::raise throws: a local exception that carries a foreign failure.
class RemoteError : public std::runtime_error {
 public:
  explicit RemoteError(Error error)
      : std::runtime_error(error.to_string()), error_(std::move(error)) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

// Bounds of a record's texts in bytes: a runaway message must not fill the pool.
inline constexpr size_t kErrorMessageBytesMax = 256 * 1024;
inline constexpr size_t kErrorNameBytesMax = 1024;

namespace detail {

// What a code means to somebody who has nothing else to go by: "the channel is closed".
std::string_view explain(Code code);

// Where a failure happened.
struct FailedAt {
  std::string_view actor;
  uint64_t actor_id = 0;
  const MessageType* message = nullptr;
};

// Makes a record, also when the pool has reached its bound. Texts are cut at their bounds.
Error make_error(Pool& pool, Code code, std::string_view type, std::string_view message,
                 const FailedAt& origin);

// Makes a record of the exception that is being handled. REQUIRES: called in a catch block.
Error capture_exception(Pool& pool, const FailedAt& origin);

}  // namespace detail
}  // namespace isola
