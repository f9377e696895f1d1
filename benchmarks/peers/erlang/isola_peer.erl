%% The benchmarks with Erlang's processes and messages, as its users would write them.
-module(isola_peer).
-export([main/1, version/0]).

version() ->
    io:format("Erlang/OTP ~s~n", [erlang:system_info(otp_release)]),
    halt(0).

%% Each benchmark measures itself in a process of its own and returns the figure: nanoseconds for
%% one of Count unless it says otherwise. It crashes if the work was not done.
main([Name, Count]) ->
    Run = list_to_existing_atom(Name),
    {_, Monitor} = spawn_monitor(fun() -> exit({figure, run(Run, list_to_integer(Count))}) end),
    receive
        {'DOWN', Monitor, process, _, {figure, Figure}} ->
            io:format("~.4f~n", [float(Figure)]),
            halt(0);
        {'DOWN', Monitor, process, _, Why} ->
            io:format(standard_error, "erlang_peer: ~p~n", [Why]),
            halt(1)
    end.

run(pingpong, Count) -> isola_talk:pingpong(Count);
run(counting, Count) -> isola_talk:counting(Count);
run(thread_ring, Count) -> isola_talk:thread_ring(Count);
run(ask, Count) -> isola_talk:ask(Count);
run(payload, Count) -> isola_talk:payload(Count);
run(fork_join_create, Count) -> isola_many:create(Count);
run(fork_join_throughput, Count) -> isola_many:throughput(Count);
run(big, Count) -> isola_many:big(Count);
run(chameneos, Count) -> isola_many:chameneos(Count);
run(idle_bytes, Count) -> isola_many:idle_bytes(Count).
