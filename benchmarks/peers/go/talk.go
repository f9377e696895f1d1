// Two goroutines, or a ring of them.
package main

import "time"

func pingpong(roundTrips int64) float64 {
	pings, pongs := make(chan int64), make(chan int64)
	go func() {
		for left := range pings {
			pongs <- left - 1
		}
	}()
	start := time.Now()
	var received int64
	for left := 2 * roundTrips; left > 0; {
		pings <- left
		left = <-pongs - 1
		received++
	}
	taken := each(start, 2*roundTrips)
	expect(received, roundTrips)
	return taken
}

func counting(messages int64) float64 {
	numbers, total := make(chan int64, 1024), make(chan int64)
	start := time.Now()
	go func() {
		var sum int64
		for number := range numbers {
			sum += number
		}
		total <- sum
	}()
	go func() {
		for i := int64(0); i < messages; i++ {
			numbers <- 1
		}
		close(numbers)
	}()
	expect(<-total, messages)
	return each(start, messages)
}

const ringNodes = 100

// Each counts its hops and tells the sum when the ring is closed.
func ringNode(in <-chan int64, out chan<- int64, done chan<- int64, counts chan<- int64) {
	var count int64
	for left := range in {
		count++
		if left > 1 {
			out <- left - 1
		} else {
			done <- left
		}
	}
	counts <- count
}

func threadRing(hops int64) float64 {
	hops = (hops + ringNodes - 1) / ringNodes * ringNodes
	done, counts := make(chan int64), make(chan int64)
	var nodes [ringNodes]chan int64
	for i := range nodes {
		nodes[i] = make(chan int64)
	}
	for i := range nodes {
		go ringNode(nodes[i], nodes[(i+1)%ringNodes], done, counts)
	}
	start := time.Now()
	nodes[1] <- hops
	<-done
	taken := each(start, hops)
	var sum int64
	for _, node := range nodes {
		close(node)
		sum += <-counts
	}
	expect(sum, hops)
	return taken
}

type request struct {
	reply chan<- int64
}

func ask(asks int64) float64 {
	requests := make(chan request, 1)
	go func() {
		for request := range requests {
			request.reply <- 1
		}
	}()
	reply := make(chan int64, 1)
	var sum int64
	start := time.Now()
	for i := int64(0); i < asks; i++ {
		requests <- request{reply}
		sum += <-reply
	}
	taken := each(start, asks)
	expect(sum, asks)
	return taken
}

const payloadBytes = 1 << 20

func isWhole(bytes []byte) bool {
	return len(bytes) == payloadBytes && bytes[0] == 1 && bytes[payloadBytes-1] == 2
}

// Microseconds a pass; what passes is a slice, not the bytes.
func payload(passes int64) float64 {
	passes += passes % 2
	there, back := make(chan []byte), make(chan []byte)
	go func() {
		for bytes := range there {
			if isWhole(bytes) {
				back <- bytes
			}
		}
	}()
	bytes := make([]byte, payloadBytes)
	bytes[0], bytes[payloadBytes-1] = 1, 2
	var received int64
	start := time.Now()
	for i := int64(0); i < passes/2; i++ {
		there <- bytes
		bytes = <-back
		if isWhole(bytes) {
			received++
		}
	}
	taken := each(start, passes) / 1000
	expect(received, passes/2)
	return taken
}
