// The hand-written message path that everything else is compared with.
#include "floor.h"

#include <capnp/message.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

struct FloorBlock {
  FloorBlock* next = nullptr;
  capnp::word words[8] = {};
  capnp::MallocMessageBuilder arena{kj::arrayPtr(words, 8)};
  Ping::Builder builder = arena.initRoot<Ping>();
};

struct Handler {
  virtual ~Handler() = default;
  virtual void on(Ping::Reader ping) = 0;
};

// The free list of Ping blocks and the queue of sent ones.
class FloorQueue {
 public:
  FloorBlock* compose() {
    FloorBlock* block = free_;
    if (block != nullptr) {
      free_ = block->next;
    } else {
      blocks_.push_back(std::make_unique<FloorBlock>());
      block = blocks_.back().get();
    }
    std::memset(static_cast<void*>(block->words + 1), 0, 8);
    return block;
  }
  void send(FloorBlock* block) {
    block->next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = block;
    tail_ = block;
  }
  FloorBlock* receive() {
    FloorBlock* block = head_;
    if (block == nullptr) return nullptr;
    head_ = block->next;
    if (head_ == nullptr) tail_ = nullptr;
    return block;
  }
  void release(FloorBlock* block) {
    block->next = free_;
    free_ = block;
  }

 private:
  FloorBlock* free_ = nullptr;
  FloorBlock* head_ = nullptr;
  FloorBlock* tail_ = nullptr;
  std::vector<std::unique_ptr<FloorBlock>> blocks_;
};

struct Bouncer final : Handler {
  FloorQueue* queue = nullptr;
  uint64_t handled = 0;
  void on(Ping::Reader ping) override {
    ++handled;
    if (ping.getLeft() == 0) return;
    FloorBlock* block = queue->compose();
    block->builder.setLeft(ping.getLeft() - 1);
    queue->send(block);
  }
};

}  // namespace

double run_floor(uint64_t messages) {
  FloorQueue queue;
  Bouncer bouncers[2];
  for (Bouncer& bouncer : bouncers) bouncer.queue = &queue;
  std::vector<Handler*> turns = {&bouncers[0], &bouncers[1]};
  const double each = nanoseconds_each(messages, [&] {
    FloorBlock* first = queue.compose();
    first->builder.setLeft(static_cast<int64_t>(messages) - 1);
    queue.send(first);
    for (size_t turn = 0;; turn ^= 1) {
      FloorBlock* block = queue.receive();
      if (block == nullptr) break;
      turns[turn]->on(capnp::readMessageUnchecked<Ping>(block->words));
      queue.release(block);
    }
  });
  if (bouncers[0].handled + bouncers[1].handled != messages)
    throw std::runtime_error("floor: messages were lost");
  return each;
}

}  // namespace isola::bench
