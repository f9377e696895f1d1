// Ordinary data whose use is checked: under weak memory, two accesses of which one writes, and
// that nothing orders, are reported with both places.
//
//   Plain<int> payload;  payload = 3;  int seen = payload;
//
// Without a simulation of weak memory it is a plain T. (After Flanagan and Freund, "FastTrack",
// 2009, without its compression.)
#pragma once

#include <isola/tools/testing/simulation.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace isola::testing {

// What is known of the accesses to one piece of data.
class RaceCheck {
 public:
  void note_write(const sync::Site& site) { note(true, site); }
  void note_read(const sync::Site& site) { note(false, site); }

 private:
  struct Access {
    uint32_t time = 0;
    sync::Site site = {};
  };
  void note(bool write, const sync::Site& site);

  Access write_;
  uint32_t writer_ = 0;
  std::array<Access, kWeakThreadsMax> reads_;
};

template <class T>
class Plain {
 public:
  explicit Plain(T value = T(), sync::Site site = sync::Site::current())
      : value_(std::move(value)) {
    check_.note_write(site);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  const T& read(sync::Site site = sync::Site::current()) const {
    check_.note_read(site);
    return value_;
  }
  void write(T value, sync::Site site = sync::Site::current()) {
    check_.note_write(site);
    value_ = std::move(value);
  }
  // To change it in place.
  T& access(sync::Site site = sync::Site::current()) {
    check_.note_write(site);
    return value_;
  }

 private:
  T value_;
  mutable RaceCheck check_;
};

}  // namespace isola::testing
