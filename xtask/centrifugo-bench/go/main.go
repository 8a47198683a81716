// Publishes with gocent for a while, and prints what it cost as one line of JSON.
//
// Usage: centrifugobench API_URL KEY one|batch|concurrent BYTES SECONDS
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/centrifugal/gocent/v3"
)

const (
	channel = "news"
	batch   = 100
	callers = 64
	warmUp  = 500 * time.Millisecond
)

type payload struct {
	N    uint64 `json:"n"`
	Text string `json:"text"`
}

var number atomic.Uint64

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: API_URL KEY one|batch|concurrent BYTES SECONDS")
	}
	size, err := strconv.Atoi(os.Args[4])
	check(err)
	seconds, err := strconv.ParseFloat(os.Args[5], 64)
	check(err)
	client := gocent.New(gocent.Config{Addr: os.Args[1], Key: os.Args[2]})
	text := strings.Repeat("x", size-len(`{"n":1000000,"text":""}`))
	work := map[string]func(time.Time) uint64{
		"one":        func(end time.Time) uint64 { return oneByOne(client, text, end) },
		"batch":      func(end time.Time) uint64 { return inBatches(client, text, end) },
		"concurrent": func(end time.Time) uint64 { return concurrently(client, text, end) },
	}[os.Args[3]]
	if work == nil {
		log.Fatalf("no mode %q", os.Args[3])
	}

	work(time.Now().Add(warmUp))
	before, begin := cpu(), time.Now()
	published := work(begin.Add(time.Duration(seconds * float64(time.Second))))
	taken, used := time.Since(begin), cpu()-before
	fmt.Printf("{\"publishes\":%d,\"seconds\":%f,\"cpu_seconds\":%f}\n",
		published, taken.Seconds(), used.Seconds())
}

func oneByOne(client *gocent.Client, text string, end time.Time) (published uint64) {
	for time.Now().Before(end) {
		_, err := client.Publish(context.Background(), channel, data(text))
		check(err)
		published++
	}
	return published
}

func inBatches(client *gocent.Client, text string, end time.Time) (published uint64) {
	for time.Now().Before(end) {
		pipe := client.Pipe()
		for range batch {
			check(pipe.AddPublish(channel, data(text)))
		}
		replies, err := client.SendPipe(context.Background(), pipe)
		check(err)
		for _, reply := range replies {
			if reply.Error != nil {
				log.Fatal(reply.Error)
			}
		}
		published += uint64(len(replies))
	}
	return published
}

func concurrently(client *gocent.Client, text string, end time.Time) uint64 {
	var published atomic.Uint64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() { published.Add(oneByOne(client, text, end)) })
	}
	group.Wait()
	return published.Load()
}

func data(text string) []byte {
	data, err := json.Marshal(payload{1_000_000 + number.Add(1)%1_000_000, text})
	check(err)
	return data
}

// cpu is the time that this process has used, in it and in the system.
func cpu() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
