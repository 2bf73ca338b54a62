//! Attributes come back.
