//! The text of an error together with its causes.
use std::error::Error;
use std::fmt;

/// Number of causes that a text names. A chain from a foreign crate may be of any length.
const MAX_CAUSES: usize = 16;

/// Writes the text of an error, then the text of each of its causes, separated by `: `, on one line.
///
/// Users print errors with `{}` alone, so the `Display` of an error type has to name the cause.
/// `own` is the text of the error without its causes, and `source` is what its `source()` returns.
/// A cause whose text has already been written is left out: many errors repeat their cause in their
/// own text, as every error that uses this function does. Control characters become spaces.
///
/// ```
/// use std::error::Error;
/// use std::{fmt, io};
///
/// #[derive(Debug)]
/// struct Unsaved(io::Error);
///
/// impl Error for Unsaved {
///     fn source(&self) -> Option<&(dyn Error + 'static)> {
///         Some(&self.0)
///     }
/// }
///
/// impl fmt::Display for Unsaved {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         rt_common::write_with_causes(f, &"the position could not be saved", self.source())
///     }
/// }
///
/// let error = Unsaved(io::Error::other("the disk is full"));
/// assert_eq!(error.to_string(), "the position could not be saved: the disk is full");
/// ```
///
/// # Errors
/// When the formatter fails.
pub fn write_with_causes(
    f: &mut fmt::Formatter<'_>,
    own: &dyn fmt::Display,
    source: Option<&(dyn Error + 'static)>,
) -> fmt::Result {
    let mut text = one_line(own);
    for cause in chain(source).take(MAX_CAUSES) {
        let cause = one_line(cause);
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    f.write_str(&text)
}

fn one_line(text: &(impl fmt::Display + ?Sized)) -> String {
    text.to_string().replace(char::is_control, " ")
}

/// This error, its cause, the cause of that, and so on.
pub(crate) fn chain<'a>(
    first: Option<&'a (dyn Error + 'static)>,
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(first, |error: &&'a (dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with this text and this cause.
    #[derive(Debug)]
    struct Level(String, Option<Box<Level>>);

    impl Level {
        fn new(text: &str) -> Self {
            Self(text.to_owned(), None)
        }

        fn below(self, text: &str) -> Self {
            Self(text.to_owned(), Some(Box::new(self)))
        }
    }

    impl fmt::Display for Level {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl Error for Level {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    /// A level that names its causes itself.
    #[derive(Debug)]
    struct Complete(Level);

    impl fmt::Display for Complete {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_with_causes(f, &self.0, self.0.source())
        }
    }

    #[test]
    fn every_cause_stands_behind_the_error() {
        let chain = Level::new("refused").below("no connection").below("the call failed");
        assert_eq!(Complete(chain).to_string(), "the call failed: no connection: refused");
        assert_eq!(Complete(Level::new("alone")).to_string(), "alone");
    }

    #[test]
    fn a_cause_that_an_error_above_it_names_is_not_repeated() {
        let chain = Level::new("re\nfused").below("no connection: re\nfused").below("it failed");
        assert_eq!(Complete(chain).to_string(), "it failed: no connection: re fused");
    }

    #[test]
    fn the_text_is_one_line_and_names_a_bounded_number_of_causes() {
        assert_eq!(Complete(Level::new("a\n\u{1b}b")).to_string(), "a  b");
        let chain = (0..1_000).fold(Level::new("x"), |chain, n| chain.below(&format!("<{n}>")));
        assert_eq!(Complete(chain).to_string().matches('>').count(), 1 + MAX_CAUSES);
    }
}
