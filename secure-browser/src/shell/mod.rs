//! Place of `shell`.
