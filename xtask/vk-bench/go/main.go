// Decodes an answer of the user long poll with vksdk for a while, every typed handler set, and prints
// what one answer costs as a line of JSON.
//
// Usage: vkbench FILE SECONDS
//
// The library reads answers nowhere but in Run, so its HTTP client is one that answers from memory.
// What that costs by itself is what an answer without updates costs.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/SevereCloud/vksdk/v2/api"
	longpoll "github.com/SevereCloud/vksdk/v2/longpoll-user"
	wrapper "github.com/SevereCloud/vksdk/v2/longpoll-user/v3"
)

const session = `{"key":"key","server":"127.0.0.1/poll","ts":1}`

// memory gives the same answer to each poll, until it is time.
type memory struct {
	body    []byte
	answers int
	end     time.Time
	stop    func()
}

func (m *memory) RoundTrip(request *http.Request) (*http.Response, error) {
	m.answers++
	if m.answers%16 == 0 && time.Now().After(m.end) {
		m.stop()
	}
	body := io.NopCloser(bytes.NewReader(m.body))
	return &http.Response{StatusCode: http.StatusOK, Body: body, Request: request}, nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: FILE SECONDS")
	}
	body, err := os.ReadFile(os.Args[1])
	check(err)
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	check(err)

	vk := api.NewVK("")
	vk.Handler = func(string, ...api.Params) (api.Response, error) {
		return api.Response{Response: []byte(session)}, nil
	}
	poll, err := longpoll.NewLongPoll(vk, 0)
	check(err)
	typed := 0
	handle(wrapper.NewWrapper(poll), &typed)

	length := time.Duration(seconds * float64(time.Second))
	transport := &memory{body: body, stop: poll.Shutdown}
	poll.Client = &http.Client{Transport: transport}
	begin := time.Now()
	transport.end = begin.Add(length)
	check(poll.Run())
	taken := time.Since(begin)
	fmt.Printf("{\"ns\":%d,\"typed\":%d}\n",
		taken.Nanoseconds()/int64(transport.answers), typed/transport.answers)
}

// handle sets every handler that the wrapper has.
func handle(w *wrapper.Wrapper, typed *int) {
	w.OnMessageFlagsChange(func(wrapper.MessageFlagsChange) { *typed++ })
	w.OnMessageFlagsSet(func(wrapper.MessageFlagsSet) { *typed++ })
	w.OnMessageFlagsReset(func(wrapper.MessageFlagsReset) { *typed++ })
	w.OnNewMessage(func(wrapper.NewMessage) { *typed++ })
	w.OnEditMessage(func(wrapper.EditMessage) { *typed++ })
	w.OnReadInMessages(func(wrapper.ReadInMessages) { *typed++ })
	w.OnReadOutMessages(func(wrapper.ReadOutMessages) { *typed++ })
	w.OnFriendBecameOnline(func(wrapper.FriendBecameOnline) { *typed++ })
	w.OnFriendBecameOffline(func(wrapper.FriendBecameOffline) { *typed++ })
	w.OnDialogFlagsReset(func(wrapper.DialogFlagsReset) { *typed++ })
	w.OnDialogFlagsReplace(func(wrapper.DialogFlagsReplace) { *typed++ })
	w.OnDialogsFlagsSet(func(wrapper.DialogsFlagsSet) { *typed++ })
	w.OnDeleteMessages(func(wrapper.DeleteMessages) { *typed++ })
	w.OnRestoreDeletedMessages(func(wrapper.RestoreDeletedMessages) { *typed++ })
	w.OnChatParamsChange(func(wrapper.ChatParamsChange) { *typed++ })
	w.OnChatInfoChange(func(wrapper.ChatInfoChange) { *typed++ })
	w.OnUserTyping(func(wrapper.UserTyping) { *typed++ })
	w.OnUserTypingChat(func(wrapper.UserTypingChat) { *typed++ })
	w.OnUsersTyping(func(wrapper.UsersTyping) { *typed++ })
	w.OnUsersRecordingAudioMessage(func(wrapper.UsersRecordingAudioMessage) { *typed++ })
	w.OnUserCall(func(wrapper.UserCall) { *typed++ })
	w.OnCounterChange(func(wrapper.CounterChange) { *typed++ })
	w.OnNotificationSettingsChange(func(wrapper.NotificationSettingsChange) { *typed++ })
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
