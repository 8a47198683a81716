// The server of golongpoll at an address, with its options as flags. It prints
// "listening on ADDRESS" once it takes connections, and flushes its file at an interrupt.
package main

import (
	"crypto/subtle"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"

	"github.com/jcuga/golongpoll"
)

func main() {
	address := flag.String("addr", "127.0.0.1:0", "where to listen")
	maxTimeout := flag.Int("max-timeout", 0, "the largest timeout in seconds; 0: the library's own")
	buffer := flag.Int("buffer", 0, "events a category; 0: the library's own")
	lifetime := flag.Int("ttl", 0, "seconds an event lives; 0: for ever")
	once := flag.Bool("delete-first", false, "delete an event after its first retrieval")
	file := flag.String("file", "", "keep the events in this file")
	writeBuffer := flag.Int("write-buffer", 1, "events held back before the file is written")
	flush := flag.Int("flush", 1, "seconds between two flushes of the file")
	user := flag.String("user", "", "NAME:PASSWORD that both endpoints ask for")
	verbose := flag.Bool("verbose", false, "print what the library logs")
	flag.Parse()
	if !*verbose {
		log.SetOutput(io.Discard)
	}

	options := golongpoll.Options{
		MaxLongpollTimeoutSeconds:      *maxTimeout,
		MaxEventBufferSize:             *buffer,
		EventTimeToLiveSeconds:         *lifetime,
		DeleteEventAfterFirstRetrieval: *once,
	}
	if *file != "" {
		persistor, err := golongpoll.NewFilePersistor(*file, *writeBuffer, *flush)
		if err != nil {
			fail(err)
		}
		options.AddOn = persistor
	}
	manager, err := golongpoll.StartLongpoll(options)
	if err != nil {
		fail(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("/events", guarded(*user, manager.SubscriptionHandler))
	mux.HandleFunc("/publish", guarded(*user, manager.PublishHandler))
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fail(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() {
		<-stop
		manager.Shutdown()
		os.Exit(0)
	}()
	fail(http.Serve(listener, mux))
}

// guarded asks for the name and the password first, unless there is none.
func guarded(user string, next http.HandlerFunc) http.HandlerFunc {
	if user == "" {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(strings.Join([]string{name, password}, ":")), []byte(user)) != 1 {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
