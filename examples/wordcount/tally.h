// Tally: how often each word was seen, kept on the heap of the actor that counts.
#pragma once

#include <isola/actors/containers.h>

#include <capnp/blob.h>
#include <capnp/common.h>

#include <cstdint>
#include <functional>
#include <string_view>

namespace wordcount {

// Lets a word be looked up without making a string of it.
struct WordHash {
  using is_transparent = void;
  size_t operator()(std::string_view word) const { return std::hash<std::string_view>{}(word); }
};

using Tally = isola::unordered_map<isola::string, uint64_t, WordHash, std::equal_to<>>;

inline void add(Tally& tally, std::string_view word, uint64_t count) {
  if (auto found = tally.find(word); found != tally.end())
    found->second += count;
  else
    tally.emplace(isola::string(word), count);
}

inline std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

}  // namespace wordcount
