//! Place of this binary.

fn main() {}
