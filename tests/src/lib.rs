//! What the end-to-end tests share: a world of their own for each test, and in it a policy-server, a site, a display
//! and devices, all of them the real programs.

mod computer;
mod neighbour;
mod outside;
mod place;
mod rogue;
mod scene;
mod sink;
mod site;
mod swtpm;

pub use computer::{Computer, released};
pub use neighbour::Neighbour;
pub use outside::Outside;
pub use place::{ONLY, Place, Wrong, in_ci, in_world, in_world_with, shots};
pub use rogue::{Rogue, RoguePolicy, now};
pub use scene::{PIN, Scene, change_policy, processes_of_sessions};
pub use sink::{Seen, Sinks};
pub use site::{Body, Site};
pub use swtpm::{Log, Swtpm};
