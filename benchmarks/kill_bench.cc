// An idle actor is killed from outside, and the time taken until join() returns.
#include "kill_bench.h"

#include <fcntl.h>
#include <isola/isola.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "actors_support.h"
#include "bench.capnp.h"
#include "harness.h"

namespace isola::bench {
namespace {

constexpr size_t kEnds = 1000;
constexpr size_t kBlobs = 100;
constexpr size_t kFiles = 100;
constexpr size_t kTextBytes = 40;

// A file for as long as this lives.
struct TemporaryFile {
  TemporaryFile() {
    path = std::filesystem::temp_directory_path() / "isola_kill_XXXXXX";
    const int descriptor = ::mkstemp(path.data());
    if (descriptor < 0) throw std::runtime_error("kill: no temporary file");
    ::close(descriptor);
    std::ofstream(path) << std::string(100'000, 'x');
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::string path;
};

// How often this process has the file mapped or open.
size_t uses_of(const std::string& path) {
  size_t uses = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) uses += line.ends_with(path) ? 1 : 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    uses += std::filesystem::read_symlink(entry, gone) == path ? 1 : 0;
  }
  return uses;
}

struct Rich : Actor<Rich, Ask<Start, Total>> {
  Rich(std::vector<Sender<Add>> given, std::string its_path)
      : ends(std::move(given)), path(std::move(its_path)) {}
  Message<Total> on(Start::Reader start) {
    texts.reserve(static_cast<size_t>(start.getCount()));
    for (int64_t i = 0; i < start.getCount(); ++i) texts.emplace_back(kTextBytes, 'x');
    for (size_t i = 0; i < kBlobs; ++i) blobs.push_back(Blob::map_file(path).or_raise());
    for (size_t i = 0; i < kFiles; ++i) files.push_back(own_file(::open(path.c_str(), O_RDONLY)));
    auto total = compose<Total>();
    total->setValue(static_cast<int64_t>(texts.size()));
    return total;
  }

  vector<string> texts;
  std::vector<Sender<Add>> ends;
  vector<Blob> blobs;
  vector<File> files;
  const std::string path;
};

constexpr uint64_t kHeapBytes = uint64_t{256} << 20;

struct Full : Actor<Full, Ask<Start, Total>> {
  Message<Total> on(Start::Reader start) {
    const auto bytes = static_cast<size_t>(start.getCount());
    for (uint64_t i = 0; i < kHeapBytes / bytes; ++i) {
      const auto text = static_cast<char*>(heap().allocate(bytes));
      for (size_t at = 0; at < bytes; at += 4096) text[at] = 'x';
    }
    auto total = compose<Total>();
    total->setValue(start.getCount());
    return total;
  }
};

}  // namespace

double run_kill(unsigned workers, uint64_t strings) {
  const TemporaryFile file;
  System system({.workers = workers});
  std::vector<Sender<Add>> senders;
  std::vector<Receiver<Add>> receivers;
  for (size_t i = 0; i < kEnds; ++i) {
    auto [sender, receiver] = system.channel<Add>(bounded(1));
    senders.push_back(std::move(sender));
    receivers.push_back(std::move(receiver));
  }
  const auto rich = system.spawn<Rich>(std::move(senders), file.path);
  expect_equal(start_and_wait(rich, strings), strings, "kill");
  if (uses_of(file.path) != kBlobs + kFiles) throw std::runtime_error("kill: nothing to release");
  const double nanoseconds = nanoseconds_each(1, [&] {
    rich.kill();
    (void)rich.join();
  });
  for (const auto& receiver : receivers)
    if (!receiver.is_closed()) throw std::runtime_error("kill: an end was not released");
  if (uses_of(file.path) != 0) throw std::runtime_error("kill: a blob or file was not released");
  return nanoseconds / 1e6;
}

double run_kill_heap(uint64_t block_bytes) {
  System system({.workers = 1});
  const auto full = system.spawn<Full>();
  expect_equal(start_and_wait(full, block_bytes), block_bytes, "kill_heap");
  return nanoseconds_each(1, [&] {
           full.kill();
           (void)full.join();
         }) /
         1e6;
}

}  // namespace isola::bench
