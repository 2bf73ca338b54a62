//! Bilans.
