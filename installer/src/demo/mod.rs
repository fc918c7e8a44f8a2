//! The demo: the product's whole story on one machine, with a report.

pub mod browser;
mod director;
mod page;
mod report;
pub mod server;
mod story;
mod traces;

pub use director::{Ending, STORY, Wish, prepare, run};
pub use report::{Failed, Outcome, Report, in_one_line};
pub use story::{Places, STEPS, STEPS_FOR_A_PERSON, hand_over, play};
