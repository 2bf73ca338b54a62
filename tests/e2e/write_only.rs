//! This computer can write and cannot read.
