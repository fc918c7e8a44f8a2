//! What the demo and the end-to-end tests share: start real programs, wait for conditions, act on a display.

pub mod display;
pub mod ports;
pub mod process;
pub mod wait;
pub mod world;
