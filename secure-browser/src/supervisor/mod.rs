//! Place of `supervisor`.
