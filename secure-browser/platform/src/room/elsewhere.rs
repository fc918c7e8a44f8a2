//! No room here yet; fails closed.

use std::path::Path;

use super::{Doorstep, Guarantee, Mount, RoomError, RoomSpec};

/// A running room. There is none on this OS yet.
#[derive(Debug)]
pub enum Room {}

/// A launcher. There is none on this OS yet.
#[derive(Debug)]
pub enum Launcher {}

/// A launcher that builds. There is none on this OS yet.
#[derive(Debug)]
pub enum Building {}

impl Launcher {
    /// Starts one.
    ///
    /// # Errors
    /// [`RoomError::NotPossibleHere`].
    pub fn start(_at: Doorstep) -> Result<Self, RoomError> {
        Err(RoomError::NotPossibleHere)
    }

    /// Tells it what to build.
    ///
    /// # Errors
    /// None: there is no launcher.
    pub fn build(self, _spec: &RoomSpec) -> Result<Building, RoomError> {
        match self {}
    }
}

impl Building {
    /// Waits for the room.
    ///
    /// # Errors
    /// None: there is no launcher.
    pub fn room(self) -> Result<Room, RoomError> {
        match self {}
    }
}

/// Builds a room.
///
/// # Errors
/// [`RoomError::NotPossibleHere`].
pub fn launch(_at: Doorstep, _spec: &RoomSpec) -> Result<Room, RoomError> {
    Err(RoomError::NotPossibleHere)
}

/// Measures what a room on this machine guarantees.
///
/// # Errors
/// [`RoomError::NotPossibleHere`].
pub fn measure(_binary: &Path) -> Result<Vec<Guarantee>, RoomError> {
    Err(RoomError::NotPossibleHere)
}

/// Measures what a room with those binds guarantees.
///
/// # Errors
/// [`RoomError::NotPossibleHere`].
pub fn measure_with(_launcher: &Path, _program: &Path, _binds: Vec<Mount>) -> Result<Vec<Guarantee>, RoomError> {
    Err(RoomError::NotPossibleHere)
}

/// Entry point of `__room`.
pub fn run_as_room_launcher() -> ! {
    std::process::exit(70)
}
