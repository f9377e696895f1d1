// The program `isola`, with the types of actors of the examples.
#include <isola/tools/isola/cli.h>

#include "wordcount/behaviours.h"

int main(int argc, char** argv) {
  isola::topology::Registry registry;
  wordcount::register_behaviours(registry);
  return isola::cli::main(argc, argv, registry);
}
