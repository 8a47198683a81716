//! Idempotency keys of our own making.
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes keys that nobody else makes: 122 random bits for this maker, and a count.
pub(crate) struct Keys {
    maker: String,
    made: AtomicU64,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { maker: uuid::Uuid::new_v4().simple().to_string(), made: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> String {
        format!("{}-{:x}", self.maker, self.made.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let (a, b) = (Keys::new(), Keys::new());
        let made = [a.next(), a.next(), b.next(), b.next()];
        let different: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(different.len(), 4, "{made:?}");
    }
}
