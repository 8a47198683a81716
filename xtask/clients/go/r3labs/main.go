// Prints each event of a stream as `TYPE DATA`: r3labs URL.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/r3labs/sse/v2"
	"gopkg.in/cenkalti/backoff.v1"
)

func main() {
	client := sse.NewClient(os.Args[1])
	// Its own waits; it does not obey the server's `retry`.
	client.ReconnectStrategy = backoff.NewConstantBackOff(20 * time.Millisecond)
	for {
		// It reconnects by itself after an error, but not after an end without one.
		_ = client.SubscribeRaw(func(event *sse.Event) {
			kind := string(event.Event)
			if kind == "" {
				kind = "message"
			}
			fmt.Printf("%s %s\n", kind, strings.ReplaceAll(string(event.Data), "\n", "\\n"))
		})
		time.Sleep(20 * time.Millisecond)
	}
}
