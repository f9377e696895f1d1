// The names under which topology files know the actors of the word count.
#include "behaviours.h"

namespace wordcount {

void register_behaviours(isola::topology::Registry& registry) {
  registry.add("wordcount.Reader", &reader, {"words", "progress"})
      .add("wordcount.Counter", &counter, {"words", "counts"})
      .add("wordcount.Report", &report, {"progress", "counts"});
}

}  // namespace wordcount
