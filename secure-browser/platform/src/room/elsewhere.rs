//! No room here yet; fails closed.

use std::path::Path;

use super::{Guarantee, Mount, RoomError, RoomSpec};

/// A running room. There is none on this OS yet.
#[derive(Debug)]
pub enum Room {}

/// Builds a room.
///
/// # Errors
/// [`RoomError::NotPossibleHere`].
pub fn launch(_spec: RoomSpec) -> Result<Room, RoomError> {
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
pub fn measure_with(_binary: &Path, _binds: Vec<Mount>) -> Result<Vec<Guarantee>, RoomError> {
    Err(RoomError::NotPossibleHere)
}

/// Entry point of `__room`.
pub fn run_as_room_launcher() -> ! {
    std::process::exit(70)
}
