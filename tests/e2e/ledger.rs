//! The chain of signed notes, as users meet it.
