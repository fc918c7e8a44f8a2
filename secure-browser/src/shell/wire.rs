//! The line to the supervisor: a reader thread that feeds the event queue, a writer thread that never blocks the UI.

use std::{
    io,
    os::unix::net::UnixStream,
    process::abort,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use crate::ipc::{self, FromUi, ToUi};

use super::event::{Events, UiEvent};

/// How long the event loop may take to end the process before it is ended the hard way.
const LAST_BREATH: Duration = Duration::from_millis(300);

/// The sending end.
pub struct Wire(Sender<FromUi>);

impl Wire {
    /// Starts both threads on `socket`. When the supervisor is gone, so is this process.
    ///
    /// # Errors
    /// When the socket cannot be shared or a thread cannot be started.
    pub fn start(socket: UnixStream, events: Events) -> io::Result<Self> {
        let (mut from, reports) = (socket.try_clone()?, events.clone());
        thread::Builder::new().name("from-supervisor".to_owned()).spawn(move || read(&mut from, &reports))?;
        let (to, frames) = mpsc::channel();
        thread::Builder::new().name("to-supervisor".to_owned()).spawn(move || write(socket, &frames, &events))?;
        Ok(Self(to))
    }

    /// Sends a frame. A supervisor that is gone has ended this process already.
    pub fn send(&self, frame: FromUi) {
        let _ = self.0.send(frame);
    }
}

fn read(from: &mut UnixStream, events: &Events) {
    while let Ok(Some(frame)) = ipc::read_frame::<ToUi>(from) {
        events.send(UiEvent::Supervisor(Box::new(frame)));
    }
    end(events);
}

fn write(mut to: UnixStream, frames: &Receiver<FromUi>, events: &Events) {
    while let Ok(frame) = frames.recv() {
        if ipc::write_frame(&mut to, &frame).is_err() {
            end(events);
        }
    }
}

/// The supervisor ended or spoke nonsense: nothing on the screen may outlive it. The event loop ends the process; if it
/// is held up, this does.
fn end(events: &Events) -> ! {
    events.send(UiEvent::Gone);
    thread::sleep(LAST_BREATH);
    abort()
}
