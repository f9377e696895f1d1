// The registered providers of contexts.
#include "provider.h"

#include <algorithm>
#include <vector>

namespace isola {

namespace {

struct Providers {
  sync::Mutex mutex;
  std::vector<std::shared_ptr<ContextProvider>> list;

  static Providers& all() {
    static Providers* providers = new Providers;  // registrations may live until the very end
    return *providers;
  }
};

}  // namespace

ProviderRegistration::ProviderRegistration(std::shared_ptr<ContextProvider> provider)
    : provider_(std::move(provider)) {
  Providers& providers = Providers::all();
  sync::Lock lock(providers.mutex);
  providers.list.push_back(provider_);
}

ProviderRegistration::~ProviderRegistration() {
  Providers& providers = Providers::all();
  sync::Lock lock(providers.mutex);
  providers.list.erase(std::find(providers.list.begin(), providers.list.end(), provider_));
}

std::optional<Context> host_context(bool create) {
  std::vector<std::shared_ptr<ContextProvider>> asked;
  {
    Providers& providers = Providers::all();
    sync::Lock lock(providers.mutex);
    asked = providers.list;  // a provider may register others
  }
  for (const bool creates : {false, true}) {
    if (creates && !create) break;
    for (const auto& provider : asked)
      if (auto context = provider->context(creates)) return context;
  }
  return std::nullopt;
}

}  // namespace isola
