// The counter: a map on its own heap.
#include <string_view>

#include "wordcount/behaviours.h"
#include "wordcount/send.h"
#include "wordcount/tally.h"

namespace wordcount {
namespace {

// Counts travel in messages of about this many words of eight bytes: few messages, and none that
// would need a block of its own.
constexpr uint64_t kMessageWordsMax = 2048;

// What a count takes in a message: a struct of two words, and the text with its final zero byte.
uint64_t words_for(std::string_view word) { return 2 + (word.size() + 8) / 8; }

}  // namespace

void counter(isola::Receiver<Word> words, isola::Sender<Counts> counts) {
  Tally tally;
  for (auto& word : words) add(tally, view(word->getText()), 1);

  for (auto next = tally.begin(); next != tally.end();) {
    const auto first = next;
    uint64_t size_words = 4;
    uint32_t items = 0;
    while (next != tally.end() && (items == 0 || size_words < kMessageWordsMax)) {
      size_words += words_for(next->first);
      ++items;
      ++next;
    }
    auto message = counts.compose(size_words);
    auto list = message->initCounts(items);
    auto from = first;
    for (uint32_t i = 0; i < items; ++i, ++from) {
      list[i].setWord(capnp::Text::Reader(from->first.c_str(), from->first.size()));
      list[i].setCount(from->second);
    }
    send(counts, std::move(message));
  }
}

}  // namespace wordcount
