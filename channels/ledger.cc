// Looking at channels.
#include "ledger.h"

#include <fmt/format.h>

#include <utility>

namespace isola {

std::string ChannelInfo::to_string() const {
  std::string out = fmt::format("#{} ", id);
  if (!name.empty()) out += fmt::format("\"{}\" ", name);
  out += fmt::format("{} {}: {} waiting, {} bytes", type, capacity.to_string(), size, bytes);
  if (size > 0) out += fmt::format(", oldest {} ms", oldest_ms);
  out += fmt::format(", {} sent", sent);
  if (dropped > 0) out += fmt::format(", {} dropped", dropped);
  if (closed)
    out += ", closed";
  else if (send_closed)
    out += ", closed for sends";
  return out;
}

std::vector<ChannelInfo> Ledger::channels() const {
  std::vector<ChannelInfo> infos;
  for (const detail::CoreRef& core : table_->all()) {
    ChannelInfo info;
    core->describe(info);
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<ChannelInfo> Ledger::find(uint64_t id) const {
  Result<ChannelInfo> result;
  if (detail::CoreRef core = table_->find(id))
    core->describe(result.value);
  else
    result.err = Error(Code::channel_not_found);
  return result;
}

Result<SideInfo> Ledger::side(uint64_t id, Side side) const {
  auto [info, err] = find(id);
  if (err && table_->was_given(id)) err = Error(Code::channel_closed);
  if (!err && info.closed) err = Error(Code::channel_closed);
  if (err) return {{}, std::move(err)};
  return {std::move(side == Side::send ? info.send : info.receive), {}};
}

Result<std::vector<uint64_t>> Ledger::users(uint64_t id, Side which) const {
  auto [info, err] = side(id, which);
  return {std::move(info.users), std::move(err)};
}

Result<std::vector<uint64_t>> Ledger::holders(uint64_t id, Side which) const {
  auto [info, err] = side(id, which);
  return {std::move(info.holders), std::move(err)};
}

Result<uint64_t> Ledger::close(uint64_t id, Force force) const {
  Result<uint64_t> result;
  if (detail::CoreRef core = table_->find(id))
    result.err = core->close(force, result.value);
  else
    result.err = Error(Code::channel_not_found);
  return result;
}

}  // namespace isola
