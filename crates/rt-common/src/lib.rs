//! HTTP client handle, HTTP errors, backoff and redaction for the real-time HTTP crates.
