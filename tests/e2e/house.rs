//! House rules that no compiler checks.
