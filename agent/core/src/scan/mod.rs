//! What there is to back up: paths as the format writes them, the walk over the roots, what is left out of it, and a
//! file held while it is read. Data comes from `platform`, goes to the pipeline. Writes nothing, logs no name.

pub mod engine;
pub mod filter;
pub mod folders;
mod held;
pub mod hold;
mod path;
mod problem;
mod steps;
pub mod walk;

pub use crate::platform::ProblemCode;
pub use filter::{FilterError, PathFilter};
pub use folders::Folders;
pub use held::Held;
pub use hold::SourceFile;
pub use path::{EntryPath, PathFault};
pub use problem::WalkProblem;
pub use walk::{WalkItem, Walked, Walker};
