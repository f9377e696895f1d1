// Fuzz target: bytes from outside are an Error, or a message that can be printed, written and read
// again as the same one.
//
// The first byte chooses: bit 0 packed, bits 1 and 2 the type, bit 3 from a stream, bit 4 tight
// limits, bit 5 without a header: the rest is one segment (flat only), so that the fuzzer need not
// find out about headers. A message that Cap'n Proto refuses to print ends the program, as does
// whatever the sanitizers find.
#include <isola/serialization/foreign.h>
#include <isola/serialization/schema_text.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "tests/serialization/schemas/foreign_test.capnp.h"
#include "tests/serialization/schemas/newer.capnp.h"

namespace isola {
namespace {

void require(bool condition, const char* what, const std::string& more) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_foreign_bytes: not so: %s\n%s\n", what, more.c_str());
  std::abort();
}

template <class T>
void check(Pool& pool, const Result<T>& read, Framing framing, const ForeignLimits& limits) {
  if (read.err) {
    require(read.err == Code::bad_message || read.err == Code::message_too_large,
            "an error is bad_message or message_too_large", read.err.to_string());
    require(!read.value, "there is no value beside an error", read.err.to_string());
    return;
  }
  const auto [text, text_error] = to_text(read.value, Layout::pretty);
  require(!text_error, "what was checked can be printed", text_error.to_string());
  (void)to_json(read.value);
  const auto [bytes, write_error] = write_message(read.value, framing);
  require(!write_error, "it can be written", write_error.to_string());
  const auto [again, again_error] = read_message<T>(pool, bytes, limits, framing);
  require(!again_error, "what was written can be read", again_error.to_string());
  require(to_text(again, Layout::pretty).value == text, "it is the same", text);
}

template <class T>
void run(Pool& pool, uint8_t choice, std::span<const std::byte> bytes) {
  const Framing framing = (choice & 1) != 0 ? Framing::packed : Framing::flat;
  ForeignLimits limits;
  limits.bytes_max = 1 << 20;
  limits.traversal_words_max = 1 << 12;
  if ((choice & 16) != 0) limits = {256, 2, 4, 64};
  if ((choice & 8) != 0) {
    MessageStream stream(pool, bytes, limits, framing);
    for (int count = 0; count < 8; ++count) {
      const auto next = stream.next<T>();
      if (!next) return;
      check<T>(pool, *next, framing, limits);
    }
  } else {
    check<T>(pool, read_message<T>(pool, bytes, limits, framing), framing, limits);
  }
}

int run_one(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  const auto rest = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> bytes(rest.begin(), rest.end());
  if ((choice & 33) == 32) {
    bytes.resize(bytes.size() / 8 * 8);
    const uint32_t head[2] = {0, static_cast<uint32_t>(bytes.size() / 8)};
    const auto* from = reinterpret_cast<const std::byte*>(head);
    bytes.insert(bytes.begin(), from, from + sizeof head);
  }
  static Pool* const pool = Pool::create(256 << 20);
  switch (choice >> 1 & 3) {
    case 0:
      run<test::Everything>(*pool, choice, bytes);
      break;
    case 1:
      run<test::Box<test::Tree>>(*pool, choice, bytes);
      break;
    case 2:
      run<test::newer::Order>(*pool, choice, bytes);
      break;
    case 3:
      run<test::Corner>(*pool, choice, bytes);
      break;
  }
  require(pool->stats().live == 0, "every block is back in the pool", "");
  return 0;
}

}  // namespace
}  // namespace isola

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return isola::run_one(data, size);
}
