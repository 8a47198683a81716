//! A listener for tower services over HTTP/1.1: limits, time-outs, graceful end.
