// How records are made from exceptions and printed.
#include "error.h"

#include <cxxabi.h>
#include <isola/serialization/check.h>
#include <isola/serialization/pool.h>

#include <cstdlib>
#include <ostream>
#include <typeinfo>

namespace isola {

std::string_view name(Code code) {
  switch (code) {
    case Code::ok:
      return "ok";
    case Code::failed:
      return "failed";
    case Code::timeout:
      return "timeout";
    case Code::cancelled:
      return "cancelled";
    case Code::no_such_actor:
      return "no_such_actor";
    case Code::inbox_full:
      return "inbox_full";
    case Code::asks_itself:
      return "asks_itself";
    case Code::no_reply:
      return "no_reply";
    case Code::pool_exhausted:
      return "pool_exhausted";
    case Code::too_many_carriers:
      return "too_many_carriers";
    case Code::channel_closed:
      return "channel_closed";
    case Code::channel_empty:
      return "channel_empty";
    case Code::channel_full:
      return "channel_full";
    case Code::channel_not_empty:
      return "channel_not_empty";
    case Code::channel_not_found:
      return "channel_not_found";
    case Code::item_owner_destroyed:
      return "item_owner_destroyed";
    case Code::empty_end:
      return "empty_end";
    case Code::empty_message:
      return "empty_message";
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::isolate_running:
      return "isolate_running";
    case Code::isolate_not_found:
      return "isolate_not_found";
    case Code::io:
      return "io";
    case Code::no_attachment:
      return "no_attachment";
    case Code::wrong_attachment:
      return "wrong_attachment";
    case Code::bad_message:
      return "bad_message";
    case Code::message_too_large:
      return "message_too_large";
    case Code::unknown_type:
      return "unknown_type";
    case Code::too_many_offloads:
      return "too_many_offloads";
    case Code::no_dispatcher:
      return "no_dispatcher";
    case Code::main_isolate:
      return "main_isolate";
  }
  return "unknown";
}

// What a code means to somebody who has nothing else to go by.
std::string_view detail::explain(Code code) {
  switch (code) {
    case Code::ok:
      return "no error";
    case Code::failed:
      return "the actor failed";
    case Code::timeout:
      return "the time given has passed";
    case Code::cancelled:
      return "the operation was cancelled";
    case Code::no_such_actor:
      return "the address names no living actor";
    case Code::inbox_full:
      return "the inbox is full and the sender can't wait";
    case Code::asks_itself:
      return "an actor can't wait for its own answer";
    case Code::no_reply:
      return "the handler gave up its reply end without an answer";
    case Code::pool_exhausted:
      return "the message pool has reached its bound";
    case Code::too_many_carriers:
      return "too many handlers of this worker are blocked";
    case Code::channel_closed:
      return "the channel is closed";
    case Code::channel_empty:
      return "the channel is empty";
    case Code::channel_full:
      return "the channel is full";
    case Code::channel_not_empty:
      return "the channel still holds items";
    case Code::channel_not_found:
      return "there is no such channel";
    case Code::item_owner_destroyed:
      return "the isolate that sent this item is gone";
    case Code::empty_end:
      return "this end belongs to no channel";
    case Code::empty_message:
      return "this message was moved from";
    case Code::invalid_argument:
      return "invalid argument";
    case Code::isolate_running:
      return "the isolate is running";
    case Code::isolate_not_found:
      return "the isolate is gone";
    case Code::io:
      return "input or output failed";
    case Code::no_attachment:
      return "the message carries no such attachment";
    case Code::wrong_attachment:
      return "the attachment is of another kind or type";
    case Code::bad_message:
      return "these bytes are no valid message";
    case Code::message_too_large:
      return "the message exceeds a limit";
    case Code::unknown_type:
      return "no such type is registered";
    case Code::too_many_offloads:
      return "no thread is free for an offloaded call";
    case Code::no_dispatcher:
      return "there is no such dispatcher";
    case Code::main_isolate:
      return "the main isolate lives as long as its System";
  }
  return "unknown error";
}

namespace {

std::string text(capnp::Text::Reader reader) { return {reader.cStr(), reader.size()}; }

constexpr std::string_view kCut = "…";

void set_bounded(std::string_view value, size_t bytes_max, auto init) {
  const bool cut = value.size() > bytes_max;
  size_t size = cut ? bytes_max - kCut.size() : value.size();
  // Never cut inside a UTF-8 sequence.
  while (cut && size > 0 && (static_cast<unsigned char>(value[size]) & 0xc0) == 0x80) --size;
  capnp::Text::Builder out = init(static_cast<unsigned>(size + (cut ? kCut.size() : 0)));
  if (size > 0) std::memcpy(out.begin(), value.data(), size);
  if (cut) std::memcpy(out.begin() + size, kCut.data(), kCut.size());
}

std::string demangle(const std::type_info& type) {
  int status = 0;
  char* name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string result = status == 0 ? name : type.name();
  std::free(name);
  return result;
}

}  // namespace

std::string Error::type() const {
  return record_ == nullptr ? std::string(name(code_)) : text(record().getType());
}

std::string Error::message() const {
  return record_ == nullptr ? std::string(detail::explain(code_)) : text(record().getMessage());
}

std::string Error::actor() const {
  return record_ == nullptr ? std::string() : text(record().getActor());
}

std::string Error::message_type() const {
  return record_ == nullptr ? std::string() : text(record().getMessageType());
}

std::string Error::to_string() const {
  std::string out = type() + ": " + message();
  const std::string where = actor();
  const std::string what = message_type();
  if (!where.empty()) out += " (in " + where + (what.empty() ? "" : ", handling " + what) + ")";
  return out;
}

void Error::raise() const {
  ISOLA_REQUIRE(code_, !=, Code::ok);
  throw RemoteError(*this);
}

std::ostream& operator<<(std::ostream& out, const Error& error) { return out << error.to_string(); }

namespace detail {

Error make_error(Pool& pool, Code code, std::string_view type, std::string_view message,
                 const FailedAt& origin) {
  const std::string message_type = origin.message == nullptr ? "" : origin.message->name();
  // Everything in one segment, so that a record is read as cheaply as any message.
  const size_t bytes = std::min(message.size(), kErrorMessageBytesMax) + type.size() +
                       origin.actor.size() + message_type.size();
  Block* block = pool.take(16 + bytes / 8 + 8, true);
  block->start<ErrorRecord>();
  block->set_state(BlockState::shared);
  auto record = block->builder<ErrorRecord>();
  record.setCode(static_cast<uint16_t>(code));
  set_bounded(type, kErrorNameBytesMax, [&](unsigned size) { return record.initType(size); });
  set_bounded(message, kErrorMessageBytesMax,
              [&](unsigned size) { return record.initMessage(size); });
  set_bounded(origin.actor, kErrorNameBytesMax,
              [&](unsigned size) { return record.initActor(size); });
  record.setActorId(origin.actor_id);
  set_bounded(message_type, kErrorNameBytesMax,
              [&](unsigned size) { return record.initMessageType(size); });
  record.setMessageTypeId(origin.message == nullptr ? 0 : origin.message->id);
  return Error(code, block);
}

Error capture_exception(Pool& pool, const FailedAt& origin) {
  try {
    throw;
  } catch (const RemoteError& error) {
    // The failure of somebody else, passed on: the first origin is the one to know.
    return error.error();
  } catch (const PoolExhausted& error) {
    return make_error(pool, Code::pool_exhausted, "isola::PoolExhausted", error.what(), origin);
  } catch (const std::exception& error) {
    return make_error(pool, Code::failed, demangle(typeid(error)), error.what(), origin);
  } catch (const std::string& text) {
    return make_error(pool, Code::failed, "std::string", text, origin);
  } catch (const char* text) {
    return make_error(pool, Code::failed, "char const*", text, origin);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return make_error(pool, Code::failed, type == nullptr ? "unknown" : demangle(*type),
                      "an exception without a message", origin);
  }
}

}  // namespace detail
}  // namespace isola
