//! A store whose files are damaged in any way opens without a panic, gives back only what was written
//! to it, and reports what is missing.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|edits: &[u8]| rt_broker::simulation::recover_damaged(edits));
