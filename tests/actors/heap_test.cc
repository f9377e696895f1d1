// The heap of an isolate: accounting, reuse, quota, alignment, reclaim.
#include <isola/actors/heap.h>

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace isola {
namespace {

TEST(Heap, CountsWhatLivesAndUsesFreedMemoryAgain) {
  Heap heap(UINT64_MAX);
  EXPECT_EQ(heap.chunk_bytes(), 0u) << "it costs nothing until first used";
  void* a = heap.allocate(100);
  EXPECT_EQ(heap.live_bytes(), 112u) << "rounded up to 16";
  heap.deallocate(a, 100);
  EXPECT_EQ(heap.live_bytes(), 0u);
  EXPECT_EQ(heap.allocate(110), a);
  EXPECT_EQ(heap.peak_bytes(), 112u);
}

TEST(Heap, AMillionRoundsStayFlat) {
  Heap heap(UINT64_MAX);
  std::vector<std::pair<void*, size_t>> held(64);
  uint64_t after_first = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    auto& [memory, size] = held[static_cast<size_t>(i) % held.size()];
    if (memory != nullptr) heap.deallocate(memory, size);
    size = static_cast<size_t>(i * 37 % 900 + 1);
    memory = heap.allocate(size);
    if (i == 100'000) after_first = heap.chunk_bytes();
  }
  EXPECT_EQ(heap.chunk_bytes(), after_first);
}

TEST(Heap, LargeAndAlignedBlocksGoBackToTheSystem) {
  Heap heap(UINT64_MAX);
  void* small = heap.allocate(16);
  const uint64_t before = heap.chunk_bytes();
  for (size_t alignment : {16u, 64u, 4096u}) {
    void* large = heap.allocate(1 << 20, alignment);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(large) % alignment, 0u);
    std::fill_n(static_cast<char*>(large), 1 << 20, 'x');
    EXPECT_GT(heap.chunk_bytes(), before);
    heap.deallocate(large, 1 << 20, alignment);
    EXPECT_EQ(heap.chunk_bytes(), before);
  }
  heap.deallocate(small, 16);
}

TEST(Heap, IsFreedWholeWhateverIsStillThere) {
  Heap heap(UINT64_MAX);
  for (int i = 0; i < 10'000; ++i) (void)heap.allocate(static_cast<size_t>(i) % 3000 + 1);
  heap.release();
  EXPECT_EQ(heap.live_bytes(), 0u);
  EXPECT_EQ(heap.chunk_bytes(), 0u);  // the leak sanitizer agrees
  EXPECT_NE(heap.allocate(8), nullptr);
}

TEST(Heap, RefusesWhatIsBeyondItsQuota) {
  Heap heap(1024);
  void* most = heap.allocate(1000);
  EXPECT_THROW((void)heap.allocate(100), std::bad_alloc);
  EXPECT_THROW((void)heap.allocate(SIZE_MAX - 3), std::bad_alloc);
  heap.deallocate(most, 1000);
  EXPECT_NO_THROW((void)heap.allocate(1024));
}

TEST(Heap, ContainersOutsideOfIsolatesUseTheProgramsOwn) {
  string text(1000, 'x');
  vector<string> texts(10, text);
  map<string, int> numbers;
  numbers[text] = 3;
  EXPECT_EQ(numbers.begin()->first.size(), 1000u);
  EXPECT_EQ(texts.get_allocator().resource(), std::pmr::new_delete_resource());
}

}  // namespace
}  // namespace isola
