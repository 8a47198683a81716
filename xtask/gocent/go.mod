module gocent-peer

go 1.26

require github.com/centrifugal/gocent v1.0.1

require github.com/nu7hatch/gouuid v0.0.0-20131221200532-179d4d0c4d8d // indirect
