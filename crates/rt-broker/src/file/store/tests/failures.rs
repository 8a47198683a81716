//! A disk that fails while the journal is written.

use super::*;
