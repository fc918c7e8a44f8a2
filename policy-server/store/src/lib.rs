//! Place of this crate.
