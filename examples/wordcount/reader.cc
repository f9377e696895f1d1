// The reader: walks through the paths, reads, and sends each word.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "wordcount/behaviours.h"
#include "wordcount/send.h"
#include "wordcount/word_splitter.h"

namespace wordcount {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = 256 * 1024;
// How much of a long file is read between two Progress messages.
constexpr uint64_t kProgressBytes = uint64_t{4} << 20;

// What is wrong with a file. Failures of this actor itself are something else.
struct FileError {
  std::string reason;
};

class File {
 public:
  // Only a regular file: a pipe or a device might have no end, or keep us waiting for its begin.
  explicit File(const std::string& path)
      : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
    struct stat status {};
    if (file_ < 0) fail(errno);
    if (fstat(file_, &status) == 0 && S_ISREG(status.st_mode)) return;
    close(file_);  // a constructor that throws has no destructor
    throw FileError{"not a regular file"};
  }
  ~File() { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // 0 at the end. Fails: throws FileError, as the constructor does.
  size_t read(char* to, size_t bytes) const {
    while (true) {
      const ssize_t count = ::read(file_, to, bytes);
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR) fail(errno);
    }
  }

 private:
  [[noreturn]] static void fail(int error) {
    throw FileError{std::generic_category().message(error)};
  }

  const int file_;
};

class Reader {
 public:
  Reader(const isola::Sender<Word>& words, const isola::Sender<Progress>& progress)
      : words_(words), progress_(progress), piece_(kPieceBytes) {}

  // What is under `path`: a file, a directory, or a symbolic link to one.
  void read_all(const std::string& path) {
    std::vector<std::string> waiting{path};  // no recursion: directories may be nested deep
    while (!waiting.empty()) {
      const std::string next = std::move(waiting.back());
      waiting.pop_back();
      std::error_code error;
      if (fs::is_directory(next, error))
        open_directory(next, waiting);
      else
        read_file(next);
    }
  }

 private:
  // Puts its files and directories on top of `waiting`, the first on top of all.
  void open_directory(const std::string& directory, std::vector<std::string>& waiting) {
    std::error_code error;
    std::vector<std::string> found;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code gone;  // between listing and looking
      const fs::file_type type = entry->symlink_status(gone).type();
      if (type == fs::file_type::regular || type == fs::file_type::directory)
        found.push_back(entry->path().string());
    }
    if (error) fail(directory, error.message());
    std::sort(found.rbegin(), found.rend());
    waiting.insert(waiting.end(), found.begin(), found.end());
  }

  void read_file(const std::string& path) {
    const auto use = [&](std::string_view word) { send_word(word); };
    const uint64_t too_long_before = splitter_.too_long();
    std::string problem;
    try {
      const File file(path);
      while (const size_t bytes = file.read(piece_.data(), piece_.size())) {
        splitter_.feed({piece_.data(), bytes}, use);
        bytes_ += bytes;
        if (bytes_ >= kProgressBytes) send_progress(Progress::State::READING);
        // A file without words would keep the worker from all others, and this actor from its end.
        isola::yield();
      }
    } catch (const FileError& error) {
      problem = error.reason;
    }
    splitter_.finish(use);
    const uint64_t left_out = splitter_.too_long() - too_long_before;
    if (problem.empty() && left_out > 0)
      problem = "words of more than " + std::to_string(kWordBytesMax) +
                " letters were left out: " + std::to_string(left_out);
    if (problem.empty())
      send_progress(Progress::State::DONE);
    else
      fail(path, problem);
  }

  void fail(const std::string& path, const std::string& reason) {
    isola::report(isola::Code::io, "io", path + ": " + reason);
    send_progress(Progress::State::FAILED);
  }

  void send_word(std::string_view word) {
    auto message = words_.compose();
    auto text = message->initText(static_cast<unsigned>(word.size()));
    std::transform(word.begin(), word.end(), text.begin(), lower_letter);
    ++word_count_;
    send(words_, std::move(message));
  }

  void send_progress(Progress::State state) {
    auto message = progress_.compose();
    message->setBytes(bytes_);
    message->setWords(word_count_);
    message->setState(state);
    bytes_ = 0;
    word_count_ = 0;
    send(progress_, std::move(message));
  }

  const isola::Sender<Word>& words_;
  const isola::Sender<Progress>& progress_;
  isola::vector<char> piece_;
  WordSplitter splitter_;
  uint64_t bytes_ = 0;
  uint64_t word_count_ = 0;
};

}  // namespace

void reader(isola::Delivery<ReaderArgs> args, isola::Sender<Word> words,
            isola::Sender<Progress> progress) {
  const auto paths = args->getPaths();
  if (paths.size() == 0) throw std::invalid_argument("no paths: give the argument \"paths\"");
  Reader reader(words, progress);
  for (const auto path : paths) reader.read_all(path.cStr());
}

}  // namespace wordcount
