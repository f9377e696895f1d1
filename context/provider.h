// Contexts that a host program has of its own: an event loop's, a request's of another framework.
//
//   class LoopContexts : public isola::ContextProvider {
//     std::optional<isola::Context> context(bool create) override { … }   // of the task that runs
//   };
//   auto registration = isola::register_provider(std::make_shared<LoopContexts>());
//   …
//   isola::HostContext host;      // in a callback of the loop: its context is the current one here
//
// Ownership: shared by the registration and by calls that are under way. Thread safety: any thread;
// a provider is asked by the thread that wants to know, by several at once.
#pragma once

#include <isola/context/context.h>

#include <memory>
#include <optional>

namespace isola {

class ContextProvider {
 public:
  virtual ~ContextProvider() = default;
  // The context that the host has for the code that runs here, or nothing. Unless `create`, it
  // makes none.
  virtual std::optional<Context> context(bool create) = 0;
};

// Ends the registration with its lifetime.
class [[nodiscard]] ProviderRegistration final {
 public:
  explicit ProviderRegistration(std::shared_ptr<ContextProvider> provider);
  ~ProviderRegistration();
  ProviderRegistration(const ProviderRegistration&) = delete;
  ProviderRegistration& operator=(const ProviderRegistration&) = delete;

 private:
  const std::shared_ptr<ContextProvider> provider_;
};
inline ProviderRegistration register_provider(std::shared_ptr<ContextProvider> provider) {
  return ProviderRegistration(std::move(provider));
}

// What the first provider says that has a context, in the order of their registration; nothing if
// none has. With `create`, if none has, the first one that makes one.
std::optional<Context> host_context(bool create = false);

// Enters the host's context until the end of the C++ scope; does nothing if the host has none.
// Throws ContextError as Enter.
class HostContext final {
 public:
  explicit HostContext(bool create = false) {
    if (auto context = host_context(create)) entered_.emplace(*std::move(context));
  }
  explicit operator bool() const { return entered_.has_value(); }

 private:
  std::optional<Enter> entered_;
};

}  // namespace isola
