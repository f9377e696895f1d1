// The benchmarks with goroutines and channels, as a user of Go would write them. Bare integers pass
// where isola has messages.
//
//	go_peer NAME WORKERS COUNT
//
// prints the figure; go_peer version, which Go it is.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Of each benchmark: nanoseconds for one of count, unless it says otherwise.
var benchmarks = map[string]func(count int64) float64{
	"pingpong":             pingpong,
	"counting":             counting,
	"thread_ring":          threadRing,
	"fork_join_create":     forkJoinCreate,
	"fork_join_throughput": forkJoinThroughput,
	"big":                  big,
	"chameneos":            chameneos,
	"ask":                  ask,
	"payload":              payload,
	"idle_bytes":           idleBytes,
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "go_peer: "+why)
	os.Exit(1)
}

func expect(got, wanted int64) {
	if got != wanted {
		fail("messages were lost")
	}
}

// The nanoseconds since start for each of count.
func each(start time.Time, count int64) float64 {
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 1 {
		fail("not a number: " + text)
	}
	return value
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println("Go " + strings.TrimPrefix(runtime.Version(), "go"))
		return
	}
	if len(os.Args) != 4 {
		fail("usage: go_peer NAME WORKERS COUNT")
	}
	benchmark := benchmarks[os.Args[1]]
	if benchmark == nil {
		fail("no benchmark " + os.Args[1])
	}
	runtime.GOMAXPROCS(int(number(os.Args[2])))
	fmt.Printf("%.4f\n", benchmark(number(os.Args[3])))
}
