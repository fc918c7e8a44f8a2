//! Installs, builds and shows the product on one machine; its harness also carries the end-to-end tests.

pub mod apply;
pub mod demo;
pub mod harness;
pub mod packages;
pub mod plan;
pub mod stack;
