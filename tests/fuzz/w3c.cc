// Fuzz target: any text is refused as a header of the W3C with an error that says where, or read,
// written and read again as the same. The first byte chooses the header.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/context/w3c_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto header = static_cast<isola::test::Header>(data[0] % 3);
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string broken = isola::test::broken_rule(header, text);
  if (broken.empty()) return 0;
  std::fprintf(stderr, "fuzz_w3c: not so: %s\n", broken.c_str());
  std::abort();
}
