// Faults: what is wrong with a topology, each with its place, and the texts that places lie in.
//
//   Faults faults;
//   const Source& source = faults.add_source("farm.toml", text);
//   faults.add({&source, 10, 10, 7}, "no channel \"resutls\"; did you mean \"results\"?");
//   std::cerr << faults.text();
// prints
//   farm.toml:10:10: error: no channel "resutls"; did you mean "results"?
//     out = "resutls"
//           ^~~~~~~~~
//
// Thread safety: none. Lifetime: places refer to the sources, which live as long as the Faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace isola::topology {

// A text that is read: a file, or a setting on the command line. Well-formed UTF-8, but for one
// that was refused for that.
class Source {
 public:
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  // Line `number`, counted from 1, without its end; empty if there is none.
  std::string_view line(size_t number) const;

 private:
  const std::string name_;
  const std::string text_;
  std::vector<size_t> line_starts_;
};

// Part of one line. Lines and columns count from 1, columns in code points. Line 0: no line, the
// source as a whole.
struct Place {
  const Source* source = nullptr;
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t length = 1;
};

class Faults {
 public:
  const Source& add_source(std::string name, std::string text);
  // `message` has escaped what it quotes of the source.
  void add(const Place& place, std::string message);

  bool empty() const { return faults_.empty(); }
  size_t size() const { return faults_.size(); }
  // All of them in the order of the sources and lines, as lines for a terminal.
  std::string text() const;

 private:
  struct Fault {
    Place place;
    std::string message;
  };
  std::deque<Source> sources_;  // a deque: places point into it
  std::vector<Fault> faults_;
};

}  // namespace isola::topology
