//! Our crates against a real Centrifugo v5.4.9 (and v3.2.3, v6.9.1): sse-client reads its event stream, centrifugo-api
//! calls its server API and makes its tokens.
//!
//! `CENTRIFUGO_BIN` names the program, `CENTRIFUGO_V3_BIN` that of v3.2.3, `CENT_PYTHON` a Python
//! that has cent.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A failure here is a test's failure.

mod api;
mod cent;
mod double;
mod live;
mod maps;
mod old;
mod stream;
mod tokens;
mod whole_way;
