module vkbench

go 1.26

require github.com/SevereCloud/vksdk/v2 v2.16.1

require (
	github.com/klauspost/compress v1.16.7 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.0 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/text v0.13.0 // indirect
)
