// Counting with goroutines: one sends numbers over a buffered channel of 1,024, another adds them
// up. A bare int64 passes, where isola has a message.
//
//	go_counting MESSAGES
//
// prints the nanoseconds a message. GOMAXPROCS in the environment says on how many threads.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func produce(numbers chan<- int64, messages int64) {
	for i := int64(0); i < messages; i++ {
		numbers <- 1
	}
	close(numbers)
}

func consume(numbers <-chan int64, total chan<- int64) {
	var sum int64
	for number := range numbers {
		sum += number
	}
	total <- sum
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "go_counting: "+why)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 2 {
		fail("usage: go_counting MESSAGES")
	}
	messages, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil || messages < 1 {
		fail("not a number of messages: " + os.Args[1])
	}
	numbers := make(chan int64, 1024)
	total := make(chan int64)
	start := time.Now()
	go consume(numbers, total)
	go produce(numbers, messages)
	sum := <-total
	taken := time.Since(start)
	if sum != messages {
		fail("messages were lost")
	}
	fmt.Printf("%.3f\n", float64(taken.Nanoseconds())/float64(messages))
}
