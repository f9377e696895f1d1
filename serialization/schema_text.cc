// Texts are made by Cap'n Proto from its dynamic readers; what it throws becomes an Error here.
#include "schema_text.h"

#include <capnp/any.h>
#include <capnp/compat/json.h>
#include <capnp/dynamic.h>
#include <capnp/pretty-print.h>

namespace isola {
namespace {

using detail::BlockOwner;
using detail::RegisteredMessage;

capnp::DynamicStruct::Reader root_of(const Block& block) {
  return block.any_root().getAs<capnp::DynamicStruct>(block.type->schema());
}

Error make_error(Pool& pool, Code code, const MessageType& type, const std::string& what) {
  return detail::make_error(pool, code, name(code), type.name() + ": " + what, {"", 0, &type});
}

// Runs `print` on the root.
template <class Print>
Result<std::string> to_string(const BlockOwner& message, Print print) {
  if (!message) return {{}, Error(Code::empty_message)};
  const Block& block = *message.block();
  try {
    const kj::String text = print(root_of(block));
    return {std::string(text.begin(), text.size()), {}};
  } catch (const kj::Exception& error) {
    return {{},
            make_error(*block.pool, Code::invalid_argument, *block.type,
                       error.getDescription().cStr())};
  }
}

}  // namespace

Result<std::string> to_json(const BlockOwner& message, Layout layout) {
  return to_string(message, [layout](capnp::DynamicStruct::Reader root) {
    capnp::JsonCodec codec;
    codec.setPrettyPrint(layout == Layout::pretty);
    return codec.encode(root);
  });
}

Result<std::string> to_text(const BlockOwner& message, Layout layout) {
  return to_string(message, [layout](capnp::DynamicStruct::Reader root) {
    return layout == Layout::pretty ? capnp::prettyPrint(root).flatten() : kj::str(root);
  });
}

std::string print(const Block& block) {
  if (block.type == nullptr) return "(no message)";
  try {
    const kj::String text = kj::str(root_of(block));
    return {text.begin(), text.size()};
  } catch (const kj::Exception& error) {
    return "(can't be printed: " + std::string(error.getDescription().cStr()) + ")";
  }
}

Result<BlockOwner> detail::block_from_json(Pool& pool, const RegisteredMessage& type,
                                           std::string_view json) {
  if (json.size() > kJsonBytesMax) {
    return {{},
            ::isola::make_error(pool, Code::message_too_large, *type.type,
                                "the JSON has " + std::to_string(json.size()) +
                                    " bytes, more than " + std::to_string(kJsonBytesMax))};
  }
  try {
    BlockOwner owner(type.compose(pool));
    capnp::JsonCodec codec;
    codec.setRejectUnknownFields(true);
    codec.decode(kj::arrayPtr(json.data(), json.size()),
                 owner.block()->arena().getRoot<capnp::DynamicStruct>(type.type->schema()));
    return {std::move(owner), {}};
  } catch (const PoolExhausted& error) {
    return {{}, ::isola::make_error(pool, Code::pool_exhausted, *type.type, error.what())};
  } catch (const kj::Exception& error) {
    return {
        {},
        ::isola::make_error(pool, Code::bad_message, *type.type, error.getDescription().cStr())};
  }
}

Result<AnyDelivery> from_json(Pool& pool, const MessageType& type, std::string_view json) {
  const RegisteredMessage* registered = detail::registered_message(type);
  if (registered == nullptr) {
    return {{}, make_error(pool, Code::unknown_type, type, "is not registered")};
  }
  auto [owner, error] = detail::block_from_json(pool, *registered, json);
  return {AnyDelivery(owner.take()), std::move(error)};
}

}  // namespace isola
