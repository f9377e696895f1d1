// Benchmarks of allocation: the heap of an actor beside the allocators that it is compared with.
#pragma once

#include <cstdint>
#include <string>

namespace isola::bench {

enum class Memory : uint8_t {
  isola,     // isola::string and so on, in an isolate
  pmr,       // std::pmr::unsynchronized_pool_resource, as the default resource
  malloc,    // the containers of std, as they are
  mimalloc,  // an allocator that calls mi_malloc and mi_free
};

// Counts words of a text of 8,192 distinct ones in a hash map, and sorts them into a map each
// 65,536 words; nanoseconds a word.
double run_heap_words(Memory memory, uint64_t words);
// Builds trees of maps, lists, texts and numbers, some 1,500 nodes each, and destroys them;
// nanoseconds a node.
double run_heap_json(Memory memory, uint64_t nodes);
// Replaces one of 16,384 strings of 1 byte to 32 KiB, most of them short, by a new one; nanoseconds
// a string.
double run_heap_churn(Memory memory, uint64_t strings);

// True if mimalloc is there. It is loaded, not linked: linked, it would replace malloc in all of
// the program.
bool has_mimalloc();

}  // namespace isola::bench
