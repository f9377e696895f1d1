// OnOff: an option that is on or off, and takes nothing but true and false.
//
//   struct Options { isola::OnOff pinned = false; };
//   Options{.pinned = true};   // .pinned = 1 and .pinned = "no" do not compile
//
// Thread safety: as of any value.
#pragma once

#include <concepts>

namespace isola {

class OnOff {
 public:
  template <std::same_as<bool> Bool>
  constexpr OnOff(Bool on) : on_(on) {}
  constexpr operator bool() const { return on_; }
  constexpr bool operator==(const OnOff&) const = default;

 private:
  bool on_;
};

}  // namespace isola
