// Word count: the actors of an example, and how they are made known to the program that runs them.
//
//   reader --words--> counter/0 … counter/3 --counts--> report
//      \------------------ progress ----------------------^
//
// Words are what `tr -cs A-Za-z '\n' < FILE | tr A-Z a-z` makes of each file: maximal runs of ASCII
// letters, in lower case. Files are read as bytes, whatever they hold.
#pragma once

#include <isola/actors/isola.h>
#include <isola/tools/topology/registry.h>

#include "wordcount/wordcount.capnp.h"

namespace wordcount {

// Reads the files and sends their words. Of a directory it reads the regular files at any depth, in
// the order of their names; symbolic links in it are not followed. What can't be read is reported
// as a failure that names file and reason, and the rest is read all the same.
// It blocks its worker while it waits for the disk.
void reader(isola::Delivery<ReaderArgs> args, isola::Sender<Word> words,
            isola::Sender<Progress> progress);

// Counts, on its own heap, and sends its counts when there are no more words.
void counter(isola::Receiver<Word> words, isola::Sender<Counts> counts);

// Adds up the counts and prints the most frequent words to stdout; while words are read it shows
// on a terminal how far that has come.
void report(isola::Delivery<ReportArgs> args, isola::Receiver<Progress> progress,
            isola::Receiver<Counts> counts);

// "wordcount.Reader", "wordcount.Counter" and "wordcount.Report".
void register_behaviours(isola::topology::Registry& registry);

}  // namespace wordcount
