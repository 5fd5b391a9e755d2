#!/usr/bin/env bash
# Makes the same failures happen to both programs, and shows what each prints. `failures.sh PROGRAM`, with jobs-rpc or jobs-tarpc.
set -u
export RUST_BACKTRACE=0
program=$1
address=127.0.0.1:${2:-7411}
server=

serve() { "$program" serve "$address" & server=$!; sleep 0.5; }
# Ends the server without a word, as a crash would.
kill_server() { kill -KILL "$server"; wait "$server" 2>/dev/null; }
title() { printf '\n== %s\n' "$1"; }
# Runs the client with its output on one side, so that the next command can be timed.
calls() { "$program" call "$address" 2>&1 || true; }

title 'no server'
calls </dev/null

title 'an error of the service; a handler that panics'
serve
printf 'enqueue a 1\nenqueue b 1\nenqueue c 1\nenqueue d 1\ntake\ntake\ntake\ntake\nenqueue e 1\n' | calls

title 'a handler that takes 3 s, with a deadline of 2 s'
echo 'work 3000' | calls
sleep 1.5 # so that a handler that goes on can say so

title 'the server is killed after 0.5 s of a call, and stays dead'
{ echo 'work 1000'; sleep 1; } | calls & client=$!
sleep 0.5; kill_server; wait "$client"

title 'the server is killed after 0.5 s of a call, and started again after 0.5 s; a second call'
serve
{ echo 'work 1000'; sleep 3; echo 'work 100'; } | calls & client=$!
sleep 0.5; kill_server; sleep 0.5; serve; wait "$client"

title 'the server is killed and started again between two calls'
{ echo 'work 100'; sleep 2; echo 'work 100'; } | calls & client=$!
sleep 0.5; kill_server; serve; wait "$client"

title 'the server is frozen for 1 s of a call of 0.5 s'
{ echo 'work 500'; sleep 1; } | calls & client=$!
sleep 0.2; kill -STOP "$server"; sleep 1; kill -CONT "$server"; wait "$client"

title 'the server is frozen for longer than the deadline'
{ echo 'work 500'; sleep 1; } | calls & client=$!
sleep 0.2; kill -STOP "$server"; wait "$client"; kill -CONT "$server"
kill_server
