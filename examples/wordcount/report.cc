// The report: adds up what the counters send, and prints it.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>

#include "wordcount/behaviours.h"
#include "wordcount/table.h"
#include "wordcount/tally.h"

namespace wordcount {
namespace {

using Clock = std::chrono::steady_clock;

// A line on stderr that overwrites itself, if that is a terminal.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  void show(const Totals& totals) {
    const auto now = Clock::now();
    if (!is_terminal_ || now - last_ < std::chrono::milliseconds(100)) return;
    std::fputs(("\r\x1b[K" + progress_line(totals)).c_str(), stderr);
    last_ = now;
    shown_ = true;
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) != 0;
  Clock::time_point last_ = Clock::now();
  bool shown_ = false;
};

void add(Totals& totals, Progress::Reader progress) {
  totals.bytes += progress.getBytes();
  totals.words += progress.getWords();
  if (progress.getState() == Progress::State::DONE) ++totals.files;
  if (progress.getState() == Progress::State::FAILED) ++totals.failed;
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::system_error(errno, std::generic_category(), "standard output");
}

}  // namespace

void report(isola::Delivery<ReportArgs> args, isola::Receiver<Progress> progress,
            isola::Receiver<Counts> counts) {
  const auto begin = Clock::now();
  Totals totals;
  {
    ProgressLine line;
    // It closes when the reader has read everything; the counters send nothing before that.
    for (auto& message : progress) {
      add(totals, *message);
      line.show(totals);
    }
  }
  Tally tally;
  for (auto& message : counts)
    for (const auto count : message->getCounts())
      wordcount::add(tally, view(count.getWord()), count.getCount());
  totals.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  print(args->getPlain() ? plain_table(tally, args->getTop())
                         : table(tally, args->getTop(), totals));
}

}  // namespace wordcount
