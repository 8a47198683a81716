// Prints each event of a stream as `TYPE DATA`: tmaxmax URL.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"
)

func main() {
	request, err := http.NewRequest(http.MethodGet, os.Args[1], http.NoBody)
	if err != nil {
		panic(err)
	}
	client := sse.Client{Backoff: sse.Backoff{InitialInterval: 20 * time.Millisecond, Multiplier: 1}}
	connection := client.NewConnection(request)
	connection.SubscribeToAll(func(event sse.Event) {
		kind := event.Type
		if kind == "" {
			kind = "message"
		}
		fmt.Printf("%s %s\n", kind, strings.ReplaceAll(event.Data, "\n", "\\n"))
	})
	fmt.Fprintln(os.Stderr, connection.Connect())
}
