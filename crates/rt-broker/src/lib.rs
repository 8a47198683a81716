//! Ordered, bounded, resumable topics for event streams and long polls.
