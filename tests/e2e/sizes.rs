//! Budgets in bytes.
