//! Ids of imported publications in the systems that they come from.

use std::fmt;

/// The id of a publication in the system that it was imported from: 1 to 64 opaque bytes.
///
/// ```
/// use rt_broker::ExternalId;
///
/// let id = ExternalId::new(b"order-17").expect("between 1 and 64 bytes");
/// assert_eq!(id.as_bytes(), b"order-17");
/// assert!(ExternalId::new(&[]).is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(Box<[u8]>);

impl ExternalId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Returns the id with these bytes, or `None` if there are none or more than 64.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=Self::MAX_LEN).contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Writes the bytes in lower-case hexadecimal.
impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_1_to_64_bytes() {
        assert_eq!(ExternalId::new(&[]), None);
        assert_eq!(ExternalId::new(&[7; 65]), None);
        assert_eq!(ExternalId::new(&[7; 64]).unwrap().as_bytes(), [7; 64]);
        assert_eq!(ExternalId::new(&[0, 0xab]).unwrap().to_string(), "00ab");
    }
}
