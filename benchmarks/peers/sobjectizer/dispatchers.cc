// The dispatchers of SObjectizer by name.
#include <sstream>

#include "peer.h"

namespace so5_peer {
namespace {

using Kind = How::Kind;

struct Named {
  const char* name;
  Kind kind;
};
constexpr Named kKinds[] = {
    // Environments without threads of their own; the first knows no locks, so that nothing outside
    // of it can send to its agents.
    {"main", Kind::main},         {"mtsafe", Kind::mtsafe},     {"one", Kind::one},
    {"nef_one", Kind::nef_one},   {"active", Kind::active},     {"pool", Kind::pool},
    {"nef_pool", Kind::nef_pool}, {"adv_pool", Kind::adv_pool},
};

so_5::disp_binder_shptr_t binder_of(so_5::environment_t& environment, const How& how) {
  namespace disp = so_5::disp;
  switch (how.kind) {
    case Kind::main:
    case Kind::mtsafe:
      return so_5::make_default_disp_binder(environment);
    case Kind::one:
      return disp::one_thread::make_dispatcher(environment).binder();
    case Kind::nef_one:
      return disp::nef_one_thread::make_dispatcher(environment).binder();
    case Kind::active:
      return disp::active_obj::make_dispatcher(environment).binder();
    case Kind::pool: {
      using namespace disp::thread_pool;
      return make_dispatcher(environment, how.threads)
          .binder(bind_params_t{}
                      .fifo(how.each ? fifo_t::individual : fifo_t::cooperation)
                      .max_demands_at_once(how.demands));
    }
    case Kind::nef_pool: {
      using namespace disp::nef_thread_pool;
      return make_dispatcher(environment, how.threads)
          .binder(bind_params_t{}.max_demands_at_once(how.demands));
    }
    case Kind::adv_pool: {
      using namespace disp::adv_thread_pool;
      return make_dispatcher(environment, how.threads)
          .binder(bind_params_t{}.fifo(how.each ? fifo_t::individual : fifo_t::cooperation));
    }
  }
  return {};
}

}  // namespace

How how_of(const std::string& text) {
  How how;
  std::istringstream parts(text);
  std::string part;
  std::getline(parts, part, ',');
  bool known = false;
  for (const Named& named : kKinds) {
    if (part != named.name) continue;
    how.kind = named.kind;
    known = true;
  }
  if (!known) throw std::invalid_argument("no dispatcher " + text);
  while (std::getline(parts, part, ',')) {
    if (part == "each")
      how.each = true;
    else if (part == "simple")
      how.simple = true;
    else
      how.demands = std::stoul(part);
  }
  return how;
}

void run_agents(const How& how, const Start& start) {
  so_5::launch(
      [&](so_5::environment_t& environment) { start(environment, binder_of(environment, how)); },
      [&](so_5::environment_params_t& params) {
        if (how.kind == Kind::main)
          params.infrastructure_factory(so_5::env_infrastructures::simple_not_mtsafe::factory());
        if (how.kind == Kind::mtsafe)
          params.infrastructure_factory(so_5::env_infrastructures::simple_mtsafe::factory());
        if (how.simple)
          params.queue_locks_defaults_manager(so_5::make_defaults_manager_for_simple_locks());
      });
}

}  // namespace so5_peer
