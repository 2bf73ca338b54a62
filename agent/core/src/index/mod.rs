//! The local index: which chunk lies where, on disk, in memory that does not grow with what is stored.
//!
//! Sorted files are read by position ([`SegmentFile`]) behind a small filter in memory ([`IdFilter`]), so that a new
//! chunk touches no disk and a known one costs one block. Several are read as one by [`merge`]. Data comes from index
//! segments of the repository and from the run itself. Never: the only copy of any fact, believed where its checksum fails.

mod id_filter;
pub mod merge;
mod segment_file;
mod segment_writer;

pub use id_filter::IdFilter;
pub use segment_file::SegmentFile;
pub use segment_writer::SegmentWriter;
