// Types of actors for the tests of topologies, and what check() says about a text.
#pragma once

#include <isola/actors/isola.h>
#include <isola/tools/topology/check.h>
#include <isola/tools/topology/registry.h>
#include <isola/tools/topology/topology.h>
#include <tests/topology/topology_test.capnp.h>

#include <string>

namespace isola::topology::test {

// test.Source   takes Args; sends Item on "out": as many as args.int64, numbered from 1
// test.Middle   receives Item on "in", sends each on to "out"
// test.Adder    receives Item on "in"; sends the sum of the numbers as one Total on "sum"
// test.Checker  receives Total on "in"; fails with their sum as the message
// test.Drain    receives Item on "in" and forgets them
// test.Loop     receives Item on "in" and sends Item on "out", but ends at once
const Registry& registry();

// What check() finds in this text, as it is printed; the file is called t.toml. A newline that
// the text begins with is left out, so that it may begin on a line of its own.
std::string faults_of(std::string text);

// The same for a text where a leading newline counts for nothing.
inline std::string expected(const char* text) { return *text == '\n' ? text + 1 : text; }

// The topology that is read from this text, and what reading it finds, as it is printed.
inline Topology read(Faults& faults, const std::string& text) {
  return read_topology(parse_toml(faults.add_source("t.toml", text), faults), faults);
}
inline std::string faults_in(const std::string& text) {
  Faults faults;
  (void)read(faults, text);
  return faults.text();
}

}  // namespace isola::topology::test
