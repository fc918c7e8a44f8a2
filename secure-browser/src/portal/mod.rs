//! Our own pages: the portal and the problem page, served under `workspace://portal/` to one trusted view only.

mod areas;
mod device;
mod find;
mod html;
mod icons;
pub mod message;
pub mod model;
pub mod page;
pub mod problem;
pub mod serve;
