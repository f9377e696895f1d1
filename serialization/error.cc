// The codes, and reading and raising errors.
#include "error.h"

#include <isola/serialization/check.h>
#include <isola/serialization/error_text.h>
#include <isola/serialization/sync.h>

#include <algorithm>
#include <future>
#include <ios>
#include <ostream>

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
    case Code::too_many_restarts:
      return "too_many_restarts";
    case Code::broken_pool:
      return "broken_pool";
    case Code::pool_shut_down:
      return "pool_shut_down";
    case Code::pool_full:
      return "pool_full";
    case Code::unknown_function:
      return "unknown_function";
    case Code::interrupted:
      return "interrupted";
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
    case Code::too_many_restarts:
      return "the supervisor gave up";
    case Code::broken_pool:
      return "the pool is broken: its initialiser failed";
    case Code::pool_shut_down:
      return "cannot schedule new work: the pool was shut down";
    case Code::pool_full:
      return "too many tasks wait for the pool";
    case Code::unknown_function:
      return "no such function is registered";
    case Code::interrupted:
      return "the program was interrupted";
  }
  return "unknown error";
}

namespace detail {

std::string text_of(capnp::Text::Reader reader) { return {reader.cStr(), reader.size()}; }

std::vector<Frame> frames_of(capnp::List<ErrorRecord::Frame>::Reader frames) {
  std::vector<uintptr_t> pcs;
  std::vector<Frame> named;
  for (auto frame : frames) {
    if (frame.hasFunction() || frame.hasFile())
      named.push_back({frame.getPc(), text_of(frame.getFunction()), text_of(frame.getFile()),
                       frame.getLine()});
    else
      pcs.push_back(frame.getPc());
  }
  if (!pcs.empty())
    for (Frame& frame : look_up(pcs)) named.push_back(std::move(frame));
  return named;
}

}  // namespace detail

using detail::text_of;

std::string Error::type() const {
  return record_ == nullptr ? std::string(name(code_)) : text_of(record().getType());
}

std::string Error::short_type() const {
  const std::string qualified = type();
  // Those of template arguments belong to the name, and "(anonymous namespace)" does not.
  const size_t arguments = std::min(qualified.find('<'), qualified.size());
  const size_t colons = qualified.rfind("::", arguments);
  return colons == std::string::npos ? qualified : qualified.substr(colons + 2);
}

std::string Error::message() const {
  return record_ == nullptr ? std::string(detail::explain(code_)) : text_of(record().getMessage());
}

std::string Error::actor() const {
  return record_ == nullptr ? std::string() : text_of(record().getActor());
}

std::string Error::message_type() const {
  return record_ == nullptr ? std::string() : text_of(record().getMessageType());
}

std::string Error::category() const {
  return record_ == nullptr ? std::string() : text_of(record().getCategory());
}

std::vector<Frame> Error::frames() const {
  return record_ == nullptr ? std::vector<Frame>() : detail::frames_of(record().getFrames());
}

std::vector<Cause> Error::causes() const {
  std::vector<Cause> causes;
  if (record_ == nullptr) return causes;
  for (auto cause : record().getCauses())
    causes.push_back({text_of(cause.getType()), text_of(cause.getMessage()),
                      text_of(cause.getActor()), text_of(cause.getCategory()), cause.getValue(),
                      detail::frames_of(cause.getFrames())});
  return causes;
}

std::vector<ErrorContext> Error::context() const {
  std::vector<ErrorContext> context;
  if (record_ == nullptr) return context;
  for (auto entry : record().getContext())
    context.push_back({text_of(entry.getName()), text_of(entry.getValue())});
  return context;
}

std::string Error::to_string() const {
  std::string out = type() + ": " + message();
  const std::string where = actor();
  const std::string what = message_type();
  if (!where.empty()) out += " (in " + where + (what.empty() ? "" : ", handling " + what) + ")";
  return out;
}

std::ostream& operator<<(std::ostream& out, const Error& error) { return out << error.to_string(); }

void Error::raise(CallSite site) const {
  ISOLA_REQUIRE(code_, !=, Code::ok);
  throw RemoteError(*this, site);
}

// Put together by the first who asks, for all copies of the exception.
struct RemoteError::Text {
  sync::Mutex mutex;
  std::string text;
};

RemoteError::RemoteError(Error error, CallSite site)
    : std::runtime_error(error.to_string()),
      CarriesError(std::move(error), site),
      text_(std::make_shared<Text>()) {}

const char* RemoteError::what() const noexcept {
  try {
    sync::Lock lock(text_->mutex);
    if (text_->text.empty()) text_->text = display();
    return text_->text.c_str();
  } catch (...) {  // no memory left
    return std::runtime_error::what();
  }
}

namespace {

// Of codes whose category this program can't know.
class ForeignCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "foreign"; }
  std::string message(int value) const override {
    return "error " + std::to_string(value) + " of a foreign category";
  }
};

const std::error_category& category_of(const std::string& name) {
  static const ForeignCategory foreign;
  for (const std::error_category* category :
       {&std::generic_category(), &std::system_category(), &std::iostream_category(),
        &std::future_category()})
    if (name == category->name()) return *category;
  return foreign;
}

}  // namespace

std::system_error RebuildTrait<std::system_error>::rebuild(const Error& error) {
  const std::error_code code(static_cast<int>(error.record().getValue()),
                             category_of(text_of(error.record().getCategory())));
  std::string message = error.message();
  // The constructor adds the text of the code again.
  const std::string added = ": " + code.message();
  if (message.ends_with(added)) message.resize(message.size() - added.size());
  return {code, message};
}

}  // namespace isola
