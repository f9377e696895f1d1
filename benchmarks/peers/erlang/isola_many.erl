%% Many processes at once.
-module(isola_many).
-export([create/1, throughput/1, big/1, chameneos/1, idle_bytes/1]).

-define(FORKS, 60).
-define(FRIENDS, 120).
-define(CREATURES, 100).

now_ns() -> erlang:monotonic_time(nanosecond).

%% The sum of the totals that so many processes report.
join(0, Sum) -> Sum;
join(Left, Sum) -> receive {total, Total} -> join(Left - 1, Sum + Total) end.

create(Actors) ->
    Main = self(),
    Sum = atomics:new(1, []),
    Start = now_ns(),
    fork(Main, Sum, Actors, Actors),
    receive all_ended -> (now_ns() - Start) / Actors end.

fork(_, _, _, 0) -> ok;
fork(Main, Sum, All, Left) ->
    spawn(fun() -> child(Main, Sum, All) end) ! {add, 1},
    fork(Main, Sum, All, Left - 1).

child(Main, Sum, All) ->
    receive {add, Amount} ->
        case atomics:add_get(Sum, 1, Amount) of
            All -> Main ! all_ended;
            _ -> ok
        end
    end.

throughput(Messages) ->
    Main = self(),
    Start = now_ns(),
    Worker = fun(_) -> spawn_link(fun() -> worker(Main, Messages, 0) end) end,
    throw_at(lists:map(Worker, lists:seq(1, ?FORKS)), Messages),
    All = ?FORKS * Messages,
    All = join(?FORKS, 0),
    (now_ns() - Start) / All.

worker(Main, 0, Sum) -> Main ! {total, Sum};
worker(Main, Left, Sum) -> receive {add, Amount} -> worker(Main, Left - 1, Sum + Amount) end.

throw_at(_, 0) -> ok;
throw_at(Workers, Left) ->
    lists:foreach(fun(Worker) -> Worker ! {add, 1} end, Workers),
    throw_at(Workers, Left - 1).

big(Pings) ->
    Main = self(),
    Friend = fun(Place) -> spawn_link(fun() -> friend(Main, Place) end) end,
    Friends = lists:map(Friend, lists:seq(1, ?FRIENDS)),
    Neighbours = list_to_tuple(Friends),
    lists:foreach(fun(Each) -> Each ! {neighbours, Neighbours} end, Friends),
    Start = now_ns(),
    lists:foreach(fun(Each) -> Each ! {start, Pings} end, Friends),
    All = ?FRIENDS * Pings,
    All = join(?FRIENDS, 0),
    (now_ns() - Start) / All.

friend(Main, Place) ->
    receive {neighbours, Neighbours} -> friend(Main, Place, Neighbours, Place, 0, 0) end.

friend(Main, Place, Neighbours, Random, Left, Pongs) ->
    receive
        {ping, From} ->
            From ! pong,
            friend(Main, Place, Neighbours, Random, Left, Pongs);
        pong when Left =:= 1 ->
            Main ! {total, Pongs + 1},
            friend(Main, Place, Neighbours, Random, 0, Pongs + 1);
        pong ->
            Next = ping(Place, Neighbours, Random),
            friend(Main, Place, Neighbours, Next, Left - 1, Pongs + 1);
        {start, Pings} ->
            friend(Main, Place, Neighbours, ping(Place, Neighbours, Random), Pings, Pongs)
    end.

%% To any but itself; returns the next random number.
ping(Place, Neighbours, Random) ->
    Next = Random * 48271 rem 2147483647,
    case Next rem (?FRIENDS - 1) + 1 of
        To when To >= Place -> element(To + 1, Neighbours) ! {ping, self()};
        To -> element(To, Neighbours) ! {ping, self()}
    end,
    Next.

chameneos(Meetings) ->
    Main = self(),
    Start = now_ns(),
    Mall = spawn_link(fun() -> mall(Meetings) end),
    Creature = fun(Place) -> spawn_link(fun() -> creature(Main, Mall, Place rem 3, 0) end) end,
    lists:foreach(Creature, lists:seq(1, ?CREATURES)),
    All = 2 * Meetings,
    All = join(?CREATURES, 0),
    (now_ns() - Start) / Meetings.

mall(0) ->
    receive {meet, Creature, _} -> Creature ! over end,
    mall(0);
mall(Left) ->
    receive {meet, First, FirstColour} ->
        receive {meet, Second, SecondColour} ->
            First ! {met, SecondColour},
            Second ! {met, FirstColour}
        end
    end,
    mall(Left - 1).

creature(Main, Mall, Colour, Met) ->
    Mall ! {meet, self(), Colour},
    receive
        {met, Other} -> creature(Main, Mall, complement(Colour, Other), Met + 1);
        over -> Main ! {total, Met}
    end.

complement(Same, Same) -> Same;
complement(Own, Other) -> 3 - Own - Other.

%% Bytes of the process of the system for each process of Erlang that has handled one message and
%% waits for the next.
idle_bytes(Actors) ->
    Before = resident_bytes(),
    Idle = idle(Actors, []),
    After = resident_bytes(),
    Actors = length(Idle),
    (After - Before) / Actors.

idle(0, All) -> All;
idle(Left, All) ->
    Process = spawn(fun() -> adder(0) end),
    Process ! {add, self(), 1},
    receive {added, 1} -> idle(Left - 1, [Process | All]) end.

adder(Sum) ->
    receive {add, From, Amount} -> From ! {added, Sum + Amount}, adder(Sum + Amount) end.

resident_bytes() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.
