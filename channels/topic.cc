// Publishing to all subscribers of a topic.
#include "topic.h"

#include <algorithm>

namespace isola::detail {

namespace {

void give_up(ChannelCore& core) {
  core.drop_use(Side::send);
  core.drop();
}

}  // namespace

TopicCore::TopicCore(Pool& pool, std::shared_ptr<ChannelTable> table, std::string name)
    : pool_(pool), table_(std::move(table)), name_(std::move(name)) {
  pool_.hold();
}

TopicCore::~TopicCore() {
  for (ChannelCore* core : cores_) give_up(*core);
  pool_.drop();
}

void TopicCore::subscribe(ChannelCore& core) {
  core.retain();
  core.add_use(Side::send);
  sync::Lock lock(mutex_);
  cores_.push_back(&core);
}

size_t TopicCore::subscribers() const {
  sync::Lock lock(mutex_);
  return cores_.size();
}

Error TopicCore::publish(Block* block, bool wait, int64_t deadline_ns, size_t& reached) {
  std::vector<CoreRef> subscribers;
  {
    sync::Lock lock(mutex_);
    subscribers.reserve(cores_.size());
    for (ChannelCore* core : cores_) {
      core->retain();
      subscribers.emplace_back(core);
    }
  }
  Error first_error;
  bool some_closed = false;
  for (const CoreRef& core : subscribers) {
    Block* alias = make_alias(pool_, block);
    alias->envelope.sender = block->envelope.sender;
    alias->envelope.deadline_ns = block->envelope.deadline_ns;
    alias->envelope.span = block->envelope.span;
    if (block->envelope.context != nullptr) {
      block->envelope.context->retain();
      alias->envelope.context = block->envelope.context;
    }
    Error error = core->send(alias, wait, deadline_ns);
    if (!error) {
      ++reached;
      continue;
    }
    release(alias);
    if (error == Code::channel_closed)
      some_closed = true;
    else if (!first_error)
      first_error = std::move(error);
  }
  release(block);
  if (some_closed) drop_closed();
  return first_error;
}

void TopicCore::drop_closed() {
  Cores closed;
  {
    sync::Lock lock(mutex_);
    const auto live = std::stable_partition(
        cores_.begin(), cores_.end(), [](ChannelCore* core) { return !core->closed_for_sends(); });
    closed.assign(live, cores_.end());
    cores_.erase(live, cores_.end());
  }
  for (ChannelCore* core : closed) give_up(*core);
}

}  // namespace isola::detail
