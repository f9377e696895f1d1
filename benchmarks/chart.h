// The chart: one panel for each benchmark that has a goal or a peer, as SVG.
#pragma once

#include <string>
#include <vector>

#include "harness.h"

namespace isola::bench {

// Bars from zero, one for each system, first on one worker and then on two; whiskers from least to
// most, a mark where the goal is. `versions`: what is said about the peers; may be empty.
// Colours follow the reader's choice of light or dark.
std::string chart_of(const std::vector<Row>& rows, const std::string& versions);

}  // namespace isola::bench
