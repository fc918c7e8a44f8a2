//! An owned handle of the OS: a file descriptor or a Windows handle.

#[cfg(unix)]
pub use std::os::fd::OwnedFd as Handle;
#[cfg(windows)]
pub use std::os::windows::io::OwnedHandle as Handle;
