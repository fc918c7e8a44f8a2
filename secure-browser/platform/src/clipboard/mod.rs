//! The device's clipboard, read when the person asks for it, once and as text. It is never written.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

use std::time::Duration;

use zeroize::Zeroizing;

/// Why there is nothing to be had from the device's clipboard. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum ClipboardError {
    /// No display, or one that does not let this program in.
    #[error("the desktop's display cannot be reached")]
    NoDisplay(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody has copied anything.
    #[error("nothing is copied")]
    Empty,
    /// What is copied is no text.
    #[error("what is copied is no text")]
    NotText,
    /// The text is longer than the caller takes.
    #[error("the copied text is too long")]
    TooLong,
    /// The program that copied it does not answer.
    #[error("the program that copied it does not answer")]
    NoAnswer,
    /// The connection broke.
    #[error("the desktop's display broke the connection")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no way to read it on this OS yet.
    #[error("not possible on this operating system yet")]
    NotPossibleHere,
}

/// The text in the device's clipboard, at most `most` bytes of UTF-8. Blocks for at most `within` after the connection
/// to the display stands.
///
/// # Errors
/// Why there is none.
pub fn read_text(most: usize, within: Duration) -> Result<Zeroizing<String>, ClipboardError> {
    imp::read_text(most, within)
}
