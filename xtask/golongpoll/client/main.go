// The client of golongpoll: it follows a category and prints each event as a line of JSON, and each
// failure as {"failure":TEXT}; or, with -data, it publishes once.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jcuga/golongpoll/client"
)

func main() {
	subscribe := flag.String("url", "", "the URL to poll")
	publish := flag.String("publish-url", "", "the URL to publish to")
	category := flag.String("category", "", "the category")
	since := flag.Int64("since", -1, "follow from these milliseconds since the epoch, cut to seconds; -1: now")
	timeout := flag.Uint("timeout", 0, "seconds a poll; 0: the library's own")
	retry := flag.Uint("retry", 1, "seconds to wait after a failure")
	user := flag.String("user", "", "NAME:PASSWORD for basic auth")
	data := flag.String("data", "", "publish this JSON and end")
	flag.Parse()

	name, password, _ := strings.Cut(*user, ":")
	peer, err := client.NewClient(client.ClientOptions{
		SubscribeUrl:         parsed(*subscribe),
		PublishUrl:           parsed(*publish),
		Category:             *category,
		PollTimeoutSeconds:   *timeout,
		ReattemptWaitSeconds: *retry,
		BasicAuthUsername:    name,
		BasicAuthPassword:    password,
		OnFailure: func(err error) bool {
			line(map[string]string{"failure": err.Error()})
			return true
		},
	})
	if err != nil {
		fail(err)
	}

	if *data != "" {
		if err := peer.Publish(*category, json.RawMessage(*data)); err != nil {
			fail(err)
		}
		return
	}
	start := time.Now()
	if *since >= 0 {
		start = time.UnixMilli(*since)
	}
	for event := range peer.Start(start) {
		line(event)
	}
}

func line(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func parsed(text string) url.URL {
	address, err := url.Parse(text)
	if err != nil {
		fail(err)
	}
	return *address
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
