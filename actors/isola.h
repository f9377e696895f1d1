// Everything that a program which uses isola as a library needs.
#pragma once

#include <isola/actors/actor.h>
#include <isola/actors/address.h>
#include <isola/actors/heap.h>
#include <isola/actors/isolate.h>
#include <isola/actors/offload.h>
#include <isola/actors/reply.h>
#include <isola/actors/system.h>
#include <isola/actors/wait_cycles.h>
#include <isola/channels/channel.h>
#include <isola/context/key.h>
#include <isola/serialization/attachment.h>
#include <isola/serialization/blob.h>
#include <isola/serialization/error.h>
#include <isola/serialization/message.h>
#include <isola/serialization/result.h>
#include <isola/serialization/shared_buffer.h>
