//! Place of `link`.
