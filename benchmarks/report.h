// The table, the comparison with the peers and the JSON file.
#pragma once

#include <string>
#include <vector>

#include "harness.h"

namespace isola::bench {

// One line for each row: medians with least and most, the ratio to `floor`, the goal and the ratio
// to it, for isola's rows that have one.
std::string table_of(const std::vector<Row>& rows);

// Whether two workers do enough more than one; empty unless `pairs` was run on both.
std::string pairs_of(const std::vector<Row>& rows);

// Whether rows are as fast beside others of the run as they are held to be; a line each.
std::string held_of(const std::vector<Row>& rows);

// For each row with a goal, how many times as long as isola each peer takes, and whether that is as
// much as wanted. SObjectizer and CAF 1.1 have two columns each: as they ran, if they did, and by
// their medians of another machine, scaled by `floor`.
std::string comparison_of(const std::vector<Row>& rows);

// Fails: throws std::runtime_error if the file can't be written.
void write_json(const std::string& path, const std::vector<Row>& rows, unsigned runs);

// The same for any text.
void write_file(const std::string& path, const std::string& text);

}  // namespace isola::bench
