//! Test servers and processes for the real-time HTTP crates; unpublished.
