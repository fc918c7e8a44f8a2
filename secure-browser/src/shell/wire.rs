//! The line to the supervisor: a reader thread that feeds the event queue, a writer thread that never blocks the UI.

use std::{
    io,
    os::unix::net::UnixStream,
    process::exit,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use crate::ipc::{self, FromUi, ToUi};

use super::event::{Events, UiEvent};

/// The sending end.
pub struct Wire(Sender<FromUi>);

impl Wire {
    /// Starts both threads on `socket`. When the supervisor is gone, so is this process.
    ///
    /// # Errors
    /// When the socket cannot be shared or a thread cannot be started.
    pub fn start(socket: UnixStream, events: Events) -> io::Result<Self> {
        let mut from = socket.try_clone()?;
        thread::Builder::new().name("from-supervisor".to_owned()).spawn(move || read(&mut from, &events))?;
        let (to, frames) = mpsc::channel();
        thread::Builder::new().name("to-supervisor".to_owned()).spawn(move || write(socket, &frames))?;
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
    // The supervisor ended or spoke nonsense: nothing on the screen may outlive it.
    exit(0);
}

fn write(mut to: UnixStream, frames: &Receiver<FromUi>) {
    while let Ok(frame) = frames.recv() {
        if ipc::write_frame(&mut to, &frame).is_err() {
            exit(0);
        }
    }
}
