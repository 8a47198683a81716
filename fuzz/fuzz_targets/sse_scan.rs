//! The scan with vector instructions against its twin in plain Rust.
#![no_main]

// The module itself, since it is private to its crate.
#[path = "../../crates/sse-codec/src/scan/mod.rs"]
#[allow(dead_code)]
mod scan;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    // From any alignment.
    let (skip, bytes) = input;
    let hay = &bytes[usize::from(skip).min(bytes.len())..];
    assert_eq!(scan::scan(hay), scan::plain::scan(hay));

    // The same bytes with few line ends and much ASCII: what makes long lines.
    let mild: Vec<u8> =
        hay.iter().map(|byte| if *byte < 0xF8 { byte & 0x7F } else { *byte }).collect();
    let mild: Vec<u8> = mild.iter().map(|byte| if *byte == b'\n' { b'x' } else { *byte }).collect();
    let long = mild.repeat(1 + usize::from(skip % 8));
    assert_eq!(scan::scan(&long), scan::plain::scan(&long));
});
