//! What goes in comes out.
