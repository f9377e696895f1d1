// Deadlines that a generator opens.
#include "deadline.h"

#include <isola/context/binding.h>
#include <isola/context/frame.h>

namespace isola::detail {

void DeadlineBound::note_slow(const Execution& execution) {
  FrameData* frame = generator_of(execution.frame);
  if (frame == nullptr) return;
  noted_in = frame;
  outer = frame->deadlines;
  frame->deadlines = this;
  note_open(execution);
}

void DeadlineBound::strike() {
  DeadlineBound** at = &noted_in->deadlines;
  while (*at != this) at = &(*at)->outer;
  *at = outer;
}

}  // namespace isola::detail
