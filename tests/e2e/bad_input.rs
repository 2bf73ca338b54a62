//! Input that cannot work: one line that says what, where and what to do.
