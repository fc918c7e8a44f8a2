//! What every OS can do; the rest of this module is wired for Linux only so far.

use super::RunAsRoot;

/// Nothing to refuse where there is no uid 0.
///
/// # Errors
/// None here.
pub fn refuse_root() -> Result<(), RunAsRoot> {
    Ok(())
}

/// Ends this process at once, without destructors.
pub fn kill_self() -> ! {
    std::process::abort()
}
