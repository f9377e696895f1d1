// What the peers in C++ measure with. Without anything of isola's: CAF 0.17 is compiled as C++17.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <stdexcept>

namespace peer {

inline void expect(int64_t got, int64_t wanted) {
  if (got != wanted) throw std::runtime_error("messages were lost");
}

template <class Work>
double nanoseconds_each(int64_t count, Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / static_cast<double>(count);
}

// Memory of this process.
inline double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages_all = 0;
  double pages_resident = 0;
  if (!(statm >> pages_all >> pages_resident)) throw std::runtime_error("no /proc/self/statm");
  return pages_resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace peer
