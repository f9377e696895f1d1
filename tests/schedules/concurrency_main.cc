// The tests of concurrent things, compiled for simulations: which of them can't run there, and why.
// A test that is not in this list and did not run in a simulation either is a failure.
#include <gtest/gtest.h>
#include <isola/tools/testing/gtest.h>

#include <cstdint>
#include <iostream>
#include <string>

namespace {

struct Left {
  const char* tests;  // as for --gtest_filter
  const char* why;
};

constexpr Left kLeftOut[] = {
    {"Actor.AnAddressConvertsToAnySubsetOfWhatItTakes:Actor.AStopAfterTheSystemsEndDoesNothing:"
     "Actor.AnAddressMayOutliveItsSystem:Buffers.AreTheOnlyThingThatIsSharedAndWritable:"
     "Channel.AnEmptyEndGivesATypedErrorAtOnce:Ends.HaveAnIdThatCantBeSet:"
     "HeapOwner.UsingTheHeapOfAnotherIsReportedWithBothNames:"
     "Background.IsOnlyForWhatRunsInAnIsolate:Containers.AreUsedAsThoseOfTheStandardLibrary:"
     "CrossingOfFunctions.RefusesResultsThatDoNotFit:Function.CallsWhateverCanBeCalled:"
     "InboxBytes.TheSystemsBoundIsForAllThatSayNothingElse:Own.FilesTellHowTheirEndWent:"
     "Isolates.HandlesOutliveTheirIsolateAndItsSystem:"
     "Policy.KeepLatestNeedsAFieldThatCanBeAKey",
     "nothing is concurrent in them"},
    {"ContextFlow.AReportedFailureIsInNoContextOfTheActorThatEnded:"
     "FrameOfATurn.ADeadlineCrossesToAnotherClockAsWhatIsLeftOfIt:"
     "FrameOfATurn.WhatItKeepsForItselfIsNeverSeenByOthers:"
     "TurnSpan.IsToldForEachMessageThatIsHandledUnderATrace",
     "they have Systems of their own"},
    {"Capacities.AreMadeFromIntegersOnly:Channel.ABoundOutOfRangeIsRefused:"
     "Offload.OutsideOfActorsTheFunctionIsSimplyCalled",
     "there is no System in them"},
    {"Offload.WithASeedTheFunctionRunsOnTheWorker:TimeLimit.VirtualTimeGoesExactlyAsFarAsTheLimits:"
     "Carrier.AnActorThatNeverHasToWaitLetsOthersHaveTheirTurn:"
     "Supervisor.OldFailuresLeaveTheWindow:Own.AKilledActorLeavesNoTimer:"
     "SpanScope.HasTheSameIdentifiersWithTheSameSeed",
     "they are about Systems with a seed"},
    {"Carrier.TenThousandHandlersMayBeBlockedAtOnce:Own.TenThousandKilledActorsLeaveNothing:"
     "Pipeline.AChainOfTenThousandPassesAValueAndIsTornDown",
     "tens of thousands are too many for a model"},
    {"ContextFlow.ASecretIsNeverSentAndNeverShown", "a simulation notes no context of throws"},
    {"Carrier.OwnLocksOfBoostFiberWorkInHandlers", "they are locks of another library"},
    {"Offload.ThreadsAndWaitingCallsAreBounded:"
     "Offload.ACallThatWaitsForAThreadIsLeftAtACancellationOrDeadline:"
     "Offload.AStopOfTheSystemWaitsForWhatHasBegun:OffloadPool.ThreadsThatStayIdleEnd",
     "they have Systems or pools of their own, on real threads"},
    {"SelectRace.TheDefaultIsNotTakenWhileOneOfTwoIs*:"
     "SelectRace.WakingOneOfManyOnASharedChannelCostsTheSame",
     "what they are about is real time"},
};

class RunsOfEach : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override {
    before_ = isola::testing::runs_so_far;
    ++tests_;
  }
  void OnTestEnd(const ::testing::TestInfo& test) override {
    if (isola::testing::runs_so_far == before_)
      ADD_FAILURE() << test.test_suite_name() << "." << test.name()
                    << " ran in no simulation: does it belong to kLeftOut?";
  }
  void OnTestProgramEnd(const ::testing::UnitTest&) override {
    std::cout << isola::testing::runs_so_far << " simulated runs of " << tests_ << " tests\n";
  }

  uint64_t before_ = 0;
  int tests_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  std::string filter = ::testing::GTEST_FLAG(filter);
  filter += filter.find('-') == std::string::npos ? "-" : ":";
  for (const Left& left : kLeftOut) filter += std::string(left.tests) + ":";
  ::testing::GTEST_FLAG(filter) = filter;
  ::testing::UnitTest::GetInstance()->listeners().Append(new RunsOfEach);
  return RUN_ALL_TESTS();
}
