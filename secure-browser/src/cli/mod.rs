//! Place of `cli`.
