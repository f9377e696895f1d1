// One program for each pattern, a template over where its containers have their memory from.
#include "heap_bench.h"

#include <dlfcn.h>
#include <isola/isola.h>

#include <map>
#include <memory_resource>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <variant>
#include <vector>

#include "harness.h"

namespace isola::bench {
namespace {

// --- mimalloc

struct Mimalloc {
  void* (*allocate)(size_t) = nullptr;
  void (*free)(void*) = nullptr;
};

constinit Mimalloc mimalloc_functions;

bool load_mimalloc() {
  void* library = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return false;
  mimalloc_functions.allocate = reinterpret_cast<void* (*)(size_t)>(dlsym(library, "mi_malloc"));
  mimalloc_functions.free = reinterpret_cast<void (*)(void*)>(dlsym(library, "mi_free"));
  return mimalloc_functions.allocate != nullptr && mimalloc_functions.free != nullptr;
}

template <class T>
struct MimallocAllocator {
  using value_type = T;
  MimallocAllocator() = default;
  template <class U>
  MimallocAllocator(const MimallocAllocator<U>&) {}
  T* allocate(size_t count) {
    return static_cast<T*>(mimalloc_functions.allocate(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t) { mimalloc_functions.free(memory); }
  bool operator==(const MimallocAllocator&) const { return true; }
};

// --- containers, by allocator

struct Isola {
  template <class T>
  using Allocator = isola::allocator<T>;
};
struct Pmr {
  template <class T>
  using Allocator = std::pmr::polymorphic_allocator<T>;
};
struct Malloc {
  template <class T>
  using Allocator = std::allocator<T>;
};
struct Mi {
  template <class T>
  using Allocator = MimallocAllocator<T>;
};

template <class M>
using Text = std::basic_string<char, std::char_traits<char>, typename M::template Allocator<char>>;
template <class M, class T>
using List = std::vector<T, typename M::template Allocator<T>>;
template <class M, class T>
using Map =
    std::map<Text<M>, T, std::less<>, typename M::template Allocator<std::pair<const Text<M>, T>>>;
// The same hash for all.
struct HashOfText {
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class M, class T>
using HashMap = std::unordered_map<Text<M>, T, HashOfText, std::equal_to<>,
                                   typename M::template Allocator<std::pair<const Text<M>, T>>>;

// xorshift64 (Marsaglia, 2003): the same everywhere, and cheap beside an allocation.
class Random {
 public:
  uint32_t below(uint32_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>(((state_ >> 32) * bound) >> 32);
  }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

// --- the patterns: each returns nanoseconds each

const std::vector<std::string>& vocabulary() {
  static const std::vector<std::string> words = [] {
    Random random;
    std::vector<std::string> made(8192);
    for (size_t i = 0; i < made.size(); ++i) {
      made[i] = std::to_string(i);
      const size_t size = 2 + random.below(random.below(4) == 0 ? 40 : 12);
      while (made[i].size() < size) made[i] += static_cast<char>('a' + random.below(26));
    }
    return made;
  }();
  return words;
}

template <class M>
double words(uint64_t count) {
  constexpr uint64_t kEach = 65'536;
  const auto& known = vocabulary();
  Random random;
  uint64_t counted = 0;
  const double each = nanoseconds_each(count, [&] {
    for (uint64_t done = 0; done < count; done += kEach) {
      HashMap<M, uint64_t> tally;
      const uint64_t now = std::min(kEach, count - done);
      for (uint64_t i = 0; i < now; ++i) {
        // Common words are common.
        const std::string& word = known[random.below(1 + random.below(8192))];
        ++tally[Text<M>(word.data(), word.size())];
      }
      Map<M, uint64_t> sorted;
      for (const auto& [word, times] : tally) sorted.emplace(word, times);
      for (const auto& [word, times] : sorted) counted += times;
    }
  });
  if (counted != count) throw std::runtime_error("heap_words: a word was lost");
  return each;
}

template <class M>
struct Json {
  std::variant<double, Text<M>, List<M, Json>, Map<M, Json>> value;
};

template <class M>
uint64_t build(Json<M>& into, Random& random, int depth) {
  static constexpr const char* kKeys[] = {"id",   "name",     "description of the item",
                                          "tags", "children", "metadata and other attributes"};
  const uint32_t kind = depth == 0 ? random.below(2) : 2 + random.below(2);
  uint64_t nodes = 1;
  if (kind == 0) {
    into.value = static_cast<double>(random.below(1000));
  } else if (kind == 1) {
    into.value.template emplace<1>(4 + random.below(60), 'x');
  } else if (kind == 2) {
    auto& list = into.value.template emplace<2>();
    const uint32_t size = 3 + random.below(6);
    for (uint32_t i = 0; i < size; ++i) nodes += build<M>(list.emplace_back(), random, depth - 1);
  } else {
    auto& fields = into.value.template emplace<3>();
    for (const char* key : kKeys) nodes += build<M>(fields[key], random, depth - 1);
  }
  return nodes;
}

template <class M>
double json(uint64_t count) {
  Random random;
  uint64_t nodes = 0;
  const double all = nanoseconds_each(1, [&] {
    while (nodes < count) {
      Json<M> root;
      nodes += build<M>(root, random, 4);
    }
  });
  return all / static_cast<double>(nodes);
}

template <class M>
double churn(uint64_t count) {
  Random random;
  List<M, Text<M>> held(16'384);
  uint64_t bytes = 0;
  const double each = nanoseconds_each(count, [&] {
    for (uint64_t i = 0; i < count; ++i) {
      // Of 512: 448 of up to 127 bytes, 56 of up to 1 KiB, 7 of up to 8 KiB, 1 of up to 32 KiB.
      const uint32_t draw = random.below(512);
      const uint32_t most = draw >= 64 ? 127 : draw >= 8 ? 1 << 10 : draw >= 1 ? 8 << 10 : 32 << 10;
      Text<M> made(1 + random.below(most), 'x');
      bytes += made.size();
      held[random.below(16'384)] = std::move(made);
    }
  });
  if (bytes < count) throw std::runtime_error("heap_churn: strings are missing");
  return each;
}

// --- where each runs

template <double (*run)(uint64_t)>
double in_isolate(uint64_t count) {
  System system({.workers = 1});
  Isolate isolate = system.create();
  return isolate
      .run(
          +[](uint64_t n) { return run(n); }, count)
      .or_raise();
}

template <double (*run)(uint64_t)>
double with_pmr(uint64_t count) {
  std::pmr::unsynchronized_pool_resource pool;
  auto* before = std::pmr::set_default_resource(&pool);
  const double each = run(count);
  std::pmr::set_default_resource(before);
  return each;
}

template <double (*isola)(uint64_t), double (*pmr)(uint64_t), double (*malloc)(uint64_t),
          double (*mi)(uint64_t)>
double run_on(Memory memory, uint64_t count) {
  switch (memory) {
    case Memory::isola:
      return in_isolate<isola>(count);
    case Memory::pmr:
      return with_pmr<pmr>(count);
    case Memory::malloc:
      return malloc(count);
    case Memory::mimalloc:
      return has_mimalloc() ? mi(count) : kNoFigure;
  }
  return kNoFigure;
}

}  // namespace

bool has_mimalloc() {
  static const bool loaded = load_mimalloc();
  return loaded;
}

double run_heap_words(Memory memory, uint64_t count) {
  return run_on<words<Isola>, words<Pmr>, words<Malloc>, words<Mi>>(memory, count);
}

double run_heap_json(Memory memory, uint64_t count) {
  return run_on<json<Isola>, json<Pmr>, json<Malloc>, json<Mi>>(memory, count);
}

double run_heap_churn(Memory memory, uint64_t count) {
  return run_on<churn<Isola>, churn<Pmr>, churn<Malloc>, churn<Mi>>(memory, count);
}

}  // namespace isola::bench
