//! Runnable clients; see the folders beside this one.
