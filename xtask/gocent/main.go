// The calls of gocent v1: each command once, then all of them in one batch. The endpoint is the first
// argument, the secret the second (empty: without a sign). What each call gives is printed as a line
// of JSON; that of a batch is the error and the body of each answer.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/centrifugal/gocent"
)

// What is published; the Rust test has the same.
var payloads = []string{
	`{"input":"test"}`,
	`{"a" : "<b>&", "é": [1, 2.50, -3e2, null]}`,
	"[ 1,\n\t\"\u2028 \\\" \\u003c\" ]",
	`null`,
	`"text"`,
}

const (
	odd  = "public:<odd>&\u2029\"\\/\x01\x08\x0c\n\r\t\x7fé😀"
	user = "42"
)

func main() {
	var c *gocent.Client
	if os.Args[2] == "" {
		c = gocent.NewInsecureAPIClient(os.Args[1], 5*time.Second)
	} else {
		c = gocent.NewClient(os.Args[1], os.Args[2], 5*time.Second)
	}
	for _, data := range payloads {
		tell(c.Publish("public:chat", []byte(data)))
	}
	tell(c.PublishClient(odd, []byte(`1`), odd))
	tell(c.Broadcast([]string{"public:chat", odd, "plain"}, []byte(payloads[1])))
	tell(c.BroadcastClient([]string{}, []byte(`{}`), "me"))
	tell(c.Publish("no:x", []byte(`{}`)))
	tell(c.History("public:chat"))
	tell(c.History(odd))
	tell(c.History("plain"))
	tell(c.Presence("public:chat"))
	tell(c.Presence("no:x"))
	tell(c.Channels())
	tell(c.Stats())
	tell(c.Unsubscribe("public:chat", user))
	tell(c.Unsubscribe("", user))
	tell(c.Disconnect(user))
	tell(c.Disconnect(""))
	tell(c.Channels())

	for _, data := range payloads {
		must(c.AddPublish("public:chat", []byte(data)))
	}
	must(c.AddPublishClient(odd, []byte(`1`), odd))
	must(c.AddBroadcast([]string{"public:chat", odd, "plain"}, []byte(payloads[1])))
	must(c.AddBroadcastClient([]string{}, []byte(`{}`), "me"))
	must(c.AddPublish("no:x", []byte(`{}`)))
	must(c.AddHistory("public:chat"))
	must(c.AddPresence("no:x"))
	must(c.AddChannels())
	must(c.AddStats())
	must(c.AddUnsubscribe("", user))
	must(c.AddDisconnect(user))
	result, err := c.Send()
	must(err)
	answers := []any{}
	for _, response := range result {
		answers = append(answers, []any{response.Error, response.Body})
	}
	tell(answers, nil)
}

func tell[T any](value T, err error) {
	if err != nil {
		fmt.Println(line(map[string]string{"error": err.Error()}))
		return
	}
	fmt.Println(line(value))
}

func line(value any) string {
	text, err := json.Marshal(value)
	must(err)
	return string(text)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
