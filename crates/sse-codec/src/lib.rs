//! Server-sent events to bytes and back: a fast push decoder and an encoder, without I/O.
