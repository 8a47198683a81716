//! Runnable servers; see the folders beside this one.
