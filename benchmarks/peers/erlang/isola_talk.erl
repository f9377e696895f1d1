%% Two processes, or a ring of them.
-module(isola_talk).
-export([pingpong/1, counting/1, thread_ring/1, ask/1, payload/1]).

-define(RING, 100).
-define(PAYLOAD, 1048576).

now_ns() -> erlang:monotonic_time(nanosecond).

pingpong(RoundTrips) ->
    Main = self(),
    Ponger = spawn_link(fun() -> ponger(Main) end),
    Start = now_ns(),
    Ponger ! 2 * RoundTrips,
    RoundTrips = pinger(Ponger, 0),
    (now_ns() - Start) / (2 * RoundTrips).

ponger(Peer) ->
    receive Left -> Peer ! Left - 1 end,
    ponger(Peer).

pinger(Peer, Received) ->
    receive
        1 -> Received + 1;
        Left -> Peer ! Left - 1, pinger(Peer, Received + 1)
    end.

counting(Messages) ->
    Main = self(),
    Counter = spawn_link(fun() -> counter(0) end),
    Start = now_ns(),
    spawn_link(fun() -> produce(Counter, Messages), Counter ! {total, Main} end),
    receive Messages -> (now_ns() - Start) / Messages end.

counter(Sum) ->
    receive
        {add, Amount} -> counter(Sum + Amount);
        {total, From} -> From ! Sum
    end.

produce(_, 0) -> ok;
produce(Counter, Left) -> Counter ! {add, 1}, produce(Counter, Left - 1).

thread_ring(Wanted) ->
    Hops = (Wanted + ?RING - 1) div ?RING * ?RING,
    Main = self(),
    First = spawn_link(fun() -> receive {next, Next} -> node(Next, Main, 0) end end),
    Link = fun(_, Next) -> spawn_link(fun() -> node(Next, Main, 0) end) end,
    First ! {next, lists:foldl(Link, First, lists:seq(2, ?RING))},
    Start = now_ns(),
    First ! Hops,
    receive done -> ok end,
    Each = (now_ns() - Start) / Hops,
    First ! {count, 0, ?RING},
    receive {counted, Hops} -> Each end.

node(Next, Main, Count) ->
    receive
        {count, Sum, 1} -> Main ! {counted, Sum + Count};
        {count, Sum, Left} -> Next ! {count, Sum + Count, Left - 1};
        1 -> Main ! done, node(Next, Main, Count + 1);
        Left -> Next ! Left - 1, node(Next, Main, Count + 1)
    end.

ask(Asks) ->
    Server = spawn_link(fun() -> server() end),
    Start = now_ns(),
    Asks = ask(Server, Asks, 0),
    (now_ns() - Start) / Asks.

server() ->
    receive {get, From, Reference} -> From ! {Reference, 1} end,
    server().

ask(_, 0, Sum) -> Sum;
ask(Server, Left, Sum) ->
    Reference = make_ref(),
    Server ! {get, self(), Reference},
    receive {Reference, Value} -> ask(Server, Left - 1, Sum + Value) end.

%% Microseconds a pass. A binary of this size is shared, not copied.
payload(Wanted) ->
    Passes = Wanted + Wanted rem 2,
    Main = self(),
    Returner = spawn_link(fun() -> returner(Main) end),
    Filling = binary:copy(<<0>>, ?PAYLOAD - 2),
    Payload = <<1, Filling/binary, 2>>,
    Start = now_ns(),
    ok = pass(Returner, Payload, Passes div 2),
    (now_ns() - Start) / Passes / 1000.

returner(Peer) ->
    receive Payload -> whole(Payload), Peer ! Payload end,
    returner(Peer).

pass(_, _, 0) -> ok;
pass(Returner, Payload, Left) ->
    Returner ! Payload,
    receive Back -> whole(Back), pass(Returner, Back, Left - 1) end.

whole(Payload) ->
    ?PAYLOAD = byte_size(Payload),
    1 = binary:first(Payload),
    2 = binary:last(Payload).
