//! Runnable programs; see the folders beside this one.
