// Sending that ends the actor if nobody receives any more.
#pragma once

#include <isola/actors/isola.h>

#include <stdexcept>
#include <utility>

namespace wordcount {

// Blocks while the channel is full. Fails: throws std::runtime_error.
template <class T>
void send(const isola::Sender<T>& sender, isola::Message<T>&& message) {
  if (isola::Error error = sender.send(std::move(message)))
    throw std::runtime_error("can't send " + isola::message_type<T>.name() + ": " +
                             error.message());
}

}  // namespace wordcount
