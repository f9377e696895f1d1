// The heap of an isolate: accounting, reuse, places, quota, alignment, reclaim.
#include <isola/actors/heap.h>

#include <gtest/gtest.h>
#include <isola/actors/containers.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace isola {
namespace {

struct Held {
  char* memory = nullptr;
  size_t size = 0;
  size_t alignment = 1;
  char mark = 0;
};

size_t rounded(size_t size) { return (std::max<size_t>(size, 1) + 15) / 16 * 16; }

TEST(Heap, CountsWhatLivesAndUsesFreedMemoryAgain) {
  Heap heap(UINT64_MAX);
  EXPECT_EQ(heap.chunk_bytes(), 0u) << "it costs nothing until first used";
  void* a = heap.allocate(100);
  EXPECT_EQ(heap.live_bytes(), 112u) << "rounded up to 16";
  heap.deallocate(a, 100);
  EXPECT_EQ(heap.live_bytes(), 0u);
  EXPECT_EQ(heap.allocate(110), a);
  EXPECT_EQ(heap.peak_bytes(), 112u);
  void* b = heap.allocate(16);
  EXPECT_EQ(heap.peak_bytes(), 128u) << "also while nothing was given back since";
  heap.deallocate(b, 16);
  EXPECT_EQ(heap.peak_bytes(), 128u);
}

TEST(Heap, OfAFewSmallObjectsIsSmall) {
  Heap heap(UINT64_MAX);
  for (int i = 0; i < 10; ++i) (void)heap.allocate(64);
  EXPECT_LE(heap.chunk_bytes(), 1024u);
}

TEST(Heap, AgreesWithAModelWhateverIsDoneInWhatOrder) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Heap heap(UINT64_MAX);
    std::vector<Held> all;
    uint64_t live = 0;
    uint64_t peak = 0;
    const auto free_one = [&](size_t place) {
      Held& one = all[place];
      // Nobody else has written to it, from its begin to its end.
      ASSERT_EQ(std::count(one.memory, one.memory + one.size, one.mark),
                static_cast<ptrdiff_t>(one.size));
      heap.deallocate(one.memory, one.size, one.alignment);
      live -= rounded(one.size);
      one = all.back();
      all.pop_back();
    };
    for (int step = 0; step < 3000; ++step) {
      if (step % 1000 == 999) {  // gets empty, and begins anew
        while (!all.empty()) ASSERT_NO_FATAL_FAILURE(free_one(random() % all.size()));
      } else if (!all.empty() && random() % 5 < 2) {
        ASSERT_NO_FATAL_FAILURE(free_one(random() % all.size()));
      } else {
        Held one;
        one.size = random() % (size_t{1} << (random() % 19));
        one.alignment = size_t{1} << (random() % (random() % 8 == 0 ? 14 : 5));
        one.mark = static_cast<char>(step);
        one.memory = static_cast<char*>(heap.allocate(one.size, one.alignment));
        ASSERT_EQ(reinterpret_cast<uintptr_t>(one.memory) % std::max<size_t>(one.alignment, 16),
                  0u);
        std::fill_n(one.memory, one.size, one.mark);
        live += rounded(one.size);
        all.push_back(one);
      }
      peak = std::max(peak, live);
      ASSERT_EQ(heap.live_bytes(), live);
      ASSERT_EQ(heap.peak_bytes(), peak);
      ASSERT_GE(heap.chunk_bytes(), live);
    }
    while (!all.empty()) ASSERT_NO_FATAL_FAILURE(free_one(all.size() - 1));
    EXPECT_EQ(heap.live_bytes(), 0u);
  }
}

TEST(Heap, AMillionRoundsStayFlat) {
  Heap heap(UINT64_MAX);
  std::mt19937 random(7);
  std::vector<std::pair<void*, size_t>> held(64);
  uint64_t after_first = 0;
  const auto round = [&](size_t i) {
    auto& [memory, size] = held[i % held.size()];
    if (memory != nullptr) heap.deallocate(memory, size);
    size = i * 37 % 160'000 + 1;  // all classes, and beyond
    memory = heap.allocate(size);
  };
  for (size_t i = 0; i < 1'000'000; ++i) {
    round(i);
    if (i == 100'000) after_first = heap.chunk_bytes();
  }
  // The largest blocks are given back at once, so what is held differs by some of them.
  EXPECT_LE(heap.chunk_bytes(), after_first + 64 * 160'000);
  for (auto& [memory, size] : held) heap.deallocate(memory, size);
  EXPECT_EQ(heap.live_bytes(), 0u);
  const uint64_t without_large = heap.chunk_bytes();
  for (int again = 0; again < 3; ++again) {
    std::fill(held.begin(), held.end(), std::pair<void*, size_t>());
    for (size_t i = 0; i < 100'000; ++i) round(i);
    for (auto& [memory, size] : held) heap.deallocate(memory, size);
    EXPECT_EQ(heap.chunk_bytes(), without_large) << "the same once more takes nothing new";
  }
}

// How many lie right behind the one that was made before them.
size_t neighbours_among(const std::vector<void*>& blocks, size_t size) {
  size_t count = 0;
  for (size_t i = 1; i < blocks.size(); ++i)
    if (blocks[i] == static_cast<char*>(blocks[i - 1]) + size) ++count;
  return count;
}

TEST(Heap, NodesAreNeighboursAlsoIfTwoKindsAreMadeByTurns) {
  Heap heap(UINT64_MAX);
  std::vector<void*> nodes(20'000);
  std::vector<void*> of_lines(nodes.size());
  size_t split = 0;  // that lie in two lines of the cache: cut from what was left of a chunk
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i] = heap.allocate(80);
    of_lines[i] = heap.allocate(64);
    if (reinterpret_cast<uintptr_t>(of_lines[i]) % 64 != 0) ++split;
  }
  EXPECT_LT(split, nodes.size() / 100);
  EXPECT_GT(neighbours_among(nodes, 80), nodes.size() * 9 / 10);
  EXPECT_GT(neighbours_among(of_lines, 64), nodes.size() * 9 / 10);
  EXPECT_EQ(heap.live_bytes(), nodes.size() * (80 + 64)) << "what is only cut does not count";
}

TEST(Heap, ThatGotEmptyBeginsAnew) {
  constexpr size_t kBytes = 1 << 20;
  Heap heap(UINT64_MAX);
  const auto take_all = [&](size_t size) {
    std::vector<void*> blocks;
    while (heap.live_bytes() < kBytes) blocks.push_back(heap.allocate(size));
    return blocks;
  };
  std::mt19937 random(11);
  uint64_t chunk_bytes = 0;
  for (const size_t size : {80u, 80u, 64u, 1024u, 80u}) {
    SCOPED_TRACE(size);
    std::vector<void*> blocks = take_all(size);
    EXPECT_GT(neighbours_among(blocks, size), blocks.size() * 9 / 10);
    if (chunk_bytes == 0) chunk_bytes = heap.chunk_bytes();
    EXPECT_EQ(heap.chunk_bytes(), chunk_bytes) << "memory of one size serves others";
    std::shuffle(blocks.begin(), blocks.end(), random);
    for (void* block : blocks) heap.deallocate(block, size);
    EXPECT_EQ(heap.live_bytes(), 0u);
  }
}

// As new_on_heap does, whose blocks count in the same figures.
void set_others(detail::HeapFigures& figures, Heap& heap, uint64_t bytes) {
  figures.other_bytes.store(bytes, sync::memory_order_relaxed);
  figures.note_peak();
  heap.set_limit();
}

TEST(Heap, IsEmptyIfItHasNoBlocksWhateverOthersCount) {
  detail::HeapFigures figures;
  Heap heap(UINT64_MAX, &figures);
  std::vector<void*> kept(20'000);
  for (void*& block : kept) block = heap.allocate(64);
  set_others(figures, heap, 64);
  for (void* block : kept) heap.deallocate(block, 64);
  EXPECT_EQ(heap.live_bytes(), 0u);
  std::vector<void*> blocks(1000);
  for (void*& block : blocks) block = heap.allocate(64);
  EXPECT_GT(neighbours_among(blocks, 64), 900u) << "none lives, whatever others have";
}

TEST(Heap, HasWhatOthersLeaveOfTheQuotaAndOfThePeak) {
  detail::HeapFigures figures;
  Heap heap(1024, &figures);
  heap.deallocate(heap.allocate(512), 512);
  EXPECT_EQ(heap.peak_bytes(), 512u);
  set_others(figures, heap, 256);
  heap.deallocate(heap.allocate(256), 256);
  EXPECT_EQ(heap.peak_bytes(), 512u) << "as many as before, of both";
  heap.deallocate(heap.allocate(512), 512);
  EXPECT_EQ(heap.peak_bytes(), 768u) << "a block that was freed makes a new peak, too";
  set_others(figures, heap, 528);
  EXPECT_THROW((void)heap.allocate(512), HeapQuotaExceeded);
  set_others(figures, heap, 2000);
  EXPECT_THROW((void)heap.allocate(16), HeapQuotaExceeded);
  EXPECT_EQ(heap.peak_bytes(), 2000u);
  set_others(figures, heap, 0);
  heap.deallocate(heap.allocate(1024), 1024);
  EXPECT_EQ(heap.peak_bytes(), 2000u);
  EXPECT_EQ(figures.live_bytes(), 0u);
}

TEST(Heap, OneThatIsSmallGoesOnWithTheBlockThatWasFreedLast) {
  Heap heap(UINT64_MAX);
  std::vector<void*> blocks(100);
  for (void*& block : blocks) block = heap.allocate(48);
  for (void* block : blocks) heap.deallocate(block, 48);
  EXPECT_EQ(heap.live_bytes(), 0u);
  EXPECT_EQ(heap.allocate(48), blocks.back());
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

TEST(Heap, SmallObjectsOfLargeAlignmentShareChunks) {
  Heap heap(UINT64_MAX);
  for (int i = 0; i < 1000; ++i) (void)heap.allocate(64, 64);
  EXPECT_LE(heap.chunk_bytes(), 1000u * 256) << "a chunk of its own for each would be more";
  EXPECT_EQ(heap.live_bytes(), 64'000u) << "what alignment costs is no part of it";
}

TEST(Heap, IsFreedWholeWhateverIsStillThere) {
  Heap heap(UINT64_MAX);
  for (int i = 0; i < 10'000; ++i) (void)heap.allocate(static_cast<size_t>(i) * 7 % 50'000 + 1);
  const uint64_t peak = heap.live_bytes();
  heap.release();
  EXPECT_EQ(heap.live_bytes(), 0u);
  EXPECT_EQ(heap.chunk_bytes(), 0u);  // the leak sanitizer agrees
  EXPECT_EQ(heap.peak_bytes(), peak);
  EXPECT_NE(heap.allocate(8), nullptr);
}

TEST(Heap, RefusesWhatIsBeyondItsQuotaAndSaysTheFigures) {
  Heap heap(1024);
  void* most = heap.allocate(1000);
  try {
    (void)heap.allocate(100);
    ADD_FAILURE() << "it was allocated";
  } catch (const HeapQuotaExceeded& error) {
    EXPECT_EQ(error.asked_bytes(), 112u);
    EXPECT_EQ(error.live_bytes(), 1008u);
    EXPECT_EQ(error.quota_bytes(), 1024u);
    EXPECT_STREQ(error.what(),
                 "112 bytes more on a heap with 1008 live bytes exceed its quota of 1024 bytes "
                 "(heap_quota)");
  }
  EXPECT_EQ(heap.live_bytes(), 1008u) << "what was refused is not counted";
  EXPECT_NO_THROW((void)heap.allocate(16));
  EXPECT_THROW((void)heap.allocate(1, 64), HeapQuotaExceeded);
  heap.deallocate(most, 1000);
  EXPECT_NO_THROW((void)heap.allocate(1008));
}

TEST(Heap, RefusesSizesThatThereCantBe) {
  Heap heap(UINT64_MAX);
  for (size_t alignment : {1u, 16u, 64u, 4096u})
    for (size_t less : {0u, 3u, 100u, 5000u})
      EXPECT_THROW((void)heap.allocate(SIZE_MAX - less, alignment), std::bad_alloc);
  EXPECT_THROW((void)heap.allocate(SIZE_MAX / 2), std::bad_alloc);
  EXPECT_EQ(heap.live_bytes(), 0u);
  allocator<uint64_t> numbers(&heap);
  EXPECT_THROW((void)numbers.allocate(SIZE_MAX / 8 + 2), std::bad_array_new_length)
      << "their bytes would be 8";
}

TEST(Heap, ContainersOutsideOfIsolatesUseTheProgramsOwn) {
  string text(1000, 'x');
  vector<string> texts(10, text);
  map<string, int> numbers;
  numbers[text] = 3;
  EXPECT_EQ(numbers.begin()->first.size(), 1000u);
  EXPECT_EQ(texts.get_allocator().resource(), std::pmr::new_delete_resource());
  EXPECT_EQ(heap_stats(), HeapStats());
}

#ifdef ISOLA_ASAN
TEST(HeapDeathTest, TheAddressSanitizerFindsUseAfterFree) {
  Heap heap(UINT64_MAX);
  volatile char* memory = static_cast<char*>(heap.allocate(100));
  heap.deallocate(const_cast<char*>(memory), 100);
  EXPECT_DEATH(memory[50] = 1, "use-after-poison");
  volatile char* next = static_cast<char*>(heap.allocate(100));
  EXPECT_DEATH(next[112] = 1, "use-after-poison") << "beyond its end";
}
#endif

}  // namespace
}  // namespace isola
