// Many goroutines at once.
package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func forkJoinCreate(actors int64) float64 {
	var sum atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	running.Add(int(actors))
	for i := int64(0); i < actors; i++ {
		mailbox := make(chan int64, 1)
		go func() {
			sum.Add(<-mailbox)
			running.Done()
		}()
		mailbox <- 1
	}
	running.Wait()
	taken := each(start, actors)
	expect(sum.Load(), actors)
	return taken
}

func forkJoinThroughput(messages int64) float64 {
	const forks = 60
	totals := make(chan int64, forks)
	var mailboxes [forks]chan int64
	start := time.Now()
	for i := range mailboxes {
		mailbox := make(chan int64, 1024)
		mailboxes[i] = mailbox
		go func() {
			var sum int64
			for left := messages; left > 0; left-- {
				sum += <-mailbox
			}
			totals <- sum
		}()
	}
	for i := int64(0); i < messages; i++ {
		for _, mailbox := range mailboxes {
			mailbox <- 1
		}
	}
	var sum int64
	for range mailboxes {
		sum += <-totals
	}
	taken := each(start, forks*messages)
	expect(sum, forks*messages)
	return taken
}

const friends = 120

// A question says where the answer goes; an answer comes from nowhere.
type note struct {
	from int
}

const answer = -1

func friend(place int, mailboxes *[friends]chan note, pings int64, totals chan<- int64) {
	random := uint64(place + 1)
	ping := func() {
		random = random * 48271 % 2147483647
		to := int(random % (friends - 1))
		if to >= place {
			to++
		}
		mailboxes[to] <- note{place}
	}
	left, pongs := pings, int64(0)
	ping()
	for note_ := range mailboxes[place] {
		if note_.from != answer {
			mailboxes[note_.from] <- note{answer}
			continue
		}
		pongs++
		if left--; left > 0 {
			ping()
		} else {
			totals <- pongs
		}
	}
}

func big(pings int64) float64 {
	totals := make(chan int64, friends)
	var mailboxes [friends]chan note
	for i := range mailboxes {
		// Holds all that can be on its way to one of them, so that no send waits.
		mailboxes[i] = make(chan note, friends+1)
	}
	start := time.Now()
	for i := range mailboxes {
		go friend(i, &mailboxes, pings, totals)
	}
	var pongs int64
	for range mailboxes {
		pongs += <-totals
	}
	taken := each(start, friends*pings)
	expect(pongs, friends*pings)
	return taken
}

const creatures = 100

type meet struct {
	creature int
	colour   uint8
}

const over = 255 // instead of a colour

func complement(own, other uint8) uint8 {
	if own == other {
		return own
	}
	return 3 - own - other
}

func creature(place int, mall chan<- meet, met <-chan uint8, totals chan<- int64) {
	colour := uint8(place % 3)
	var meetings int64
	for {
		mall <- meet{place, colour}
		other := <-met
		if other == over {
			break
		}
		colour = complement(colour, other)
		meetings++
	}
	totals <- meetings
}

func chameneos(meetings int64) float64 {
	mall, totals := make(chan meet, creatures), make(chan int64, creatures)
	var met [creatures]chan uint8
	start := time.Now()
	for i := range met {
		met[i] = make(chan uint8, 1)
		go creature(i, mall, met[i], totals)
	}
	for left := meetings; left > 0; left-- {
		first, second := <-mall, <-mall
		met[first.creature] <- second.colour
		met[second.creature] <- first.colour
	}
	var sum int64
	for range met {
		met[(<-mall).creature] <- over
	}
	for range met {
		sum += <-totals
	}
	taken := each(start, meetings)
	expect(sum, 2*meetings)
	return taken
}

func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail(err.Error())
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		fail(err.Error())
	}
	return pages * float64(os.Getpagesize())
}

// Bytes of the process for each goroutine that has got one message and waits for the next.
func idleBytes(actors int64) float64 {
	got := make(chan int64, 1)
	before := residentBytes()
	mailboxes := make([]chan int64, actors)
	var sum int64
	for i := range mailboxes {
		mailbox := make(chan int64)
		mailboxes[i] = mailbox
		go func() {
			for number := range mailbox {
				got <- number
			}
		}()
		mailbox <- 1
		sum += <-got
	}
	taken := (residentBytes() - before) / float64(actors)
	expect(sum, actors)
	runtime.KeepAlive(mailboxes)
	return taken
}
