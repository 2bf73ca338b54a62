//! Interruptions: the next run goes on, and nothing committed is lost.
