// Stacks of carriers: mapped lazily, with a guard page, kept for the next carrier.
//
// Thread safety: a StackPool belongs to one worker.
#pragma once

#include <boost/context/stack_context.hpp>

#include <cstddef>
#include <vector>

namespace isola::detail {

class StackPool {
 public:
  // `bytes` usable by each stack, rounded up to pages.
  explicit StackPool(size_t bytes);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // Fails: throws std::bad_alloc when the system gives no more mappings.
  boost::context::stack_context allocate();
  void deallocate(boost::context::stack_context& stack) noexcept;
  // Gives the free ones back to the system.
  void clear();

 private:
  const size_t bytes_;
  std::vector<char*> free_;
};

// What Boost asks for: a copyable allocator.
struct StackAllocator {
  StackPool* pool;
  boost::context::stack_context allocate() { return pool->allocate(); }
  void deallocate(boost::context::stack_context& stack) noexcept { pool->deallocate(stack); }
};

}  // namespace isola::detail
