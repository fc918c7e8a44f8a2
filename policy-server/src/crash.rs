//! Places at which a debug build kills itself with SIGKILL when `SW_CRASH_AT` names them, so that tests can show that
//! a crash between any two steps changes nothing. Release builds hold none of it.

/// Dies here, without any cleaning up, if the test asks for it.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use nix::{sys::signal, unistd};
    if std::env::var("SW_CRASH_AT").is_ok_and(|at| at == name) {
        let _ = signal::kill(unistd::getpid(), signal::Signal::SIGKILL);
        // The signal is delivered before `kill` returns to a single thread; others may need a moment.
        loop {
            std::thread::park();
        }
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub fn point(_name: &str) {}
