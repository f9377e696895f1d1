// WordSplitter: finds the words in a stream of bytes that comes in pieces.
//
//   WordSplitter splitter;
//   splitter.feed(piece, [](std::string_view word) { … });
//   splitter.finish([](std::string_view word) { … });
//
// Thread safety: none; it lives in one actor.
#pragma once

#include <isola/actors/heap.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wordcount {

// A longer run of letters is no word but rubbish, and would fill a message of its own.
inline constexpr size_t kWordBytesMax = 64 * 1024;

// For each byte: its letter in lower case, or 0 if it is no ASCII letter.
extern const std::array<char, 256> kLowerLetters;

inline char lower_letter(char byte) { return kLowerLetters[static_cast<unsigned char>(byte)]; }

class WordSplitter {
 public:
  // Calls `use` with each word that ends in this piece, as it is written there; valid for the call.
  template <class Use>
  void feed(std::string_view piece, Use&& use) {
    size_t at = 0;
    if (!begun_.empty()) {
      at = letters(piece, 0);
      append(piece.substr(0, at));
      if (at == piece.size()) return;
      finish(use);
    }
    while (true) {
      while (at < piece.size() && lower_letter(piece[at]) == 0) ++at;
      const size_t end = letters(piece, at);
      if (end == piece.size()) break;
      give(piece.substr(at, end - at), use);
      at = end;
    }
    append(piece.substr(at));
  }

  // The stream ends here; another may begin.
  template <class Use>
  void finish(Use&& use) {
    if (!begun_.empty()) give(begun_, use);
    begun_.clear();
  }

  // How many words were left out for being longer than kWordBytesMax.
  uint64_t too_long() const { return too_long_; }

 private:
  // Where the letters that begin at `at` end.
  static size_t letters(std::string_view piece, size_t at) {
    while (at < piece.size() && lower_letter(piece[at]) != 0) ++at;
    return at;
  }
  // Of a word that is too long only that is kept.
  void append(std::string_view part) {
    begun_.append(part.substr(0, kWordBytesMax + 1 - begun_.size()));
  }
  template <class Use>
  void give(std::string_view word, Use&& use) {
    if (word.size() > kWordBytesMax)
      ++too_long_;
    else
      use(word);
  }

  isola::string begun_;  // the word that the last piece ended in
  uint64_t too_long_ = 0;
};

}  // namespace wordcount
