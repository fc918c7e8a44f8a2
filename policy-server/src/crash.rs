//! Places at which a debug build kills itself with SIGKILL when `SW_CRASH_AT` names them, so that tests can show that
//! a crash between any two steps changes nothing. Release builds hold none of it.

/// Dies here, without any cleaning up, if the test asks for it.
#[cfg(all(debug_assertions, not(test)))]
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
#[cfg(all(not(debug_assertions), not(test)))]
pub fn point(_name: &str) {}

#[cfg(test)]
pub use trap::point;

/// The same for tests inside this process: the work unwinds, and the folder is what lay there at that moment.
#[cfg(test)]
pub mod trap {
    use std::{cell::RefCell, panic::resume_unwind};

    /// What a killed server unwinds with.
    #[derive(Debug)]
    pub struct Killed;

    type Trap = (&'static str, Box<dyn FnOnce()>);

    thread_local! {
        static ARMED: RefCell<Option<Trap>> = const { RefCell::new(None) };
    }

    /// Kills the server at its next way past `name`; `image` keeps the folder as it lies then.
    pub fn arm(name: &'static str, image: impl FnOnce() + 'static) {
        ARMED.set(Some((name, Box::new(image))));
    }

    /// Kills it nowhere.
    pub fn disarm() {
        ARMED.set(None);
    }

    /// A place at which the server may be killed.
    pub fn point(name: &str) {
        let due = ARMED.with_borrow_mut(|armed| armed.take_if(|(at, _)| *at == name));
        if let Some((_, image)) = due {
            image();
            resume_unwind(Box::new(Killed));
        }
    }
}
