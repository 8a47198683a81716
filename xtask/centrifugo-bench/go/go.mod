module centrifugobench

go 1.26

require github.com/centrifugal/gocent/v3 v3.3.0
