//! Every magic number, size and cap of the format, in one place (FORMAT.md §13).
//!
//! Readers check these before they parse or allocate.

/// Format version written and understood.
pub const VERSION: u32 = 1;
/// Magic of a zstd skippable frame that holds padding.
pub const PADDING_MAGIC: u32 = 0x184D_2A5E;
/// Magic of a zstd skippable frame that holds a pack's trailer.
pub const TRAILER_MAGIC: u32 = 0x184D_2A5D;
/// Last four bytes of every pack's plaintext.
pub const TRAILER_END: [u8; 4] = *b"SCTR";
/// First four bytes of an index segment.
pub const INDEX_MAGIC: [u8; 4] = *b"SCIX";
/// First four bytes of a chunk-list node.
pub const CHUNK_LIST_MAGIC: [u8; 4] = *b"SCCL";

/// Size at which a pack is closed.
pub const PACK_TARGET_BYTES: usize = 16 << 20;
/// Largest pack object a reader accepts.
pub const PACK_MAX_BYTES: u64 = 33 << 20;
/// Largest plaintext of a pack.
pub const PACK_PLAIN_MAX_BYTES: u64 = 32 << 20;
/// Most chunks, and most frames, in one pack.
pub const PACK_MAX_CHUNKS: usize = 4096;
/// Largest content of one frame, and largest chunk.
pub const FRAME_MAX_BYTES: usize = 4 << 20;
/// Largest zstd window a reader grants (log2).
pub const WINDOW_LOG_MAX: u32 = 23;
/// Target content of a solid frame of small chunks.
pub const SOLID_FRAME_BYTES: usize = 512 << 10;
/// Target content of a frame of database pages.
pub const PAGED_FRAME_BYTES: usize = 256 << 10;

/// Padding floor of packs.
pub const PACK_FLOOR_BYTES: u64 = 64 << 10;
/// Padding floor of everything else that is sealed.
pub const SMALL_FLOOR_BYTES: u64 = 4 << 10;

/// Entries in a hunk, at least (but for the last) and at most.
pub const HUNK_MIN_ENTRIES: usize = 32;
/// See [`HUNK_MIN_ENTRIES`].
pub const HUNK_MAX_ENTRIES: usize = 1024;
/// A hunk ends where the boundary hash has these bits clear.
pub const HUNK_MASK: u32 = 127;
/// Plain bytes of a hunk, level-2 node or chunk-list node.
pub const NODE_MAX_BYTES: usize = 4 << 20;
/// Plain bytes of a root.
pub const ROOT_MAX_BYTES: usize = 64 << 20;
/// Bytes of an index segment.
pub const INDEX_MAX_BYTES: usize = 1 << 30;
/// Bytes of a note or a descriptor.
pub const NOTE_MAX_BYTES: usize = 1 << 20;
/// Bytes of a refs attachment.
pub const REFS_MAX_BYTES: usize = 64 << 20;
/// Bytes of any other attachment, and of a key file.
pub const ATTACHMENT_MAX_BYTES: usize = 16 << 20;
/// Bytes of a key file or of FORMAT.txt.
pub const KEY_FILE_MAX_BYTES: usize = 64 << 10;

/// Bytes of a path joined by `/`: what Windows allows in 16-bit units. Unix systems allow less by themselves.
pub const PATH_MAX_BYTES: usize = 32 << 10;
/// Components of a path.
pub const PATH_MAX_DEPTH: usize = 1024;
/// Bytes of one component: 255 units of UTF-16 take up to 765 bytes.
pub const NAME_MAX_BYTES: usize = 1024;
/// Bytes of one extended attribute's value.
pub const XATTR_MAX_BYTES: usize = 64 << 10;
/// Extended attributes of one entry.
pub const XATTR_MAX_COUNT: usize = 256;
/// Bytes of all extended attributes of one entry.
pub const XATTR_MAX_TOTAL_BYTES: usize = 256 << 10;

/// Largest number written in JSON: every reader holds it exactly (RFC 8259 §6).
pub const JSON_NUMBER_MAX: u64 = (1 << 53) - 1;
/// Bits of a hardlink group's number.
pub const LINK_GROUP_BITS: u32 = 48;

/// Locations an entry holds before a chunk list is cut into nodes.
pub const INLINE_LOCATIONS: usize = 64;
/// Rows of a chunk-list node, at least.
pub const CHUNK_LIST_MIN_ROWS: usize = 64;
/// Rows of a chunk-list node, at most.
pub const CHUNK_LIST_MAX_ROWS: usize = 2048;
/// A chunk-list node ends where the low bits of an id are clear.
pub const CHUNK_LIST_MASK: u16 = 511;
/// Levels of chunk-list nodes: they are numbered from 0 to one below this.
pub const CHUNK_LIST_MAX_LEVEL: u8 = 4;
/// Bases a refs attachment may stand on.
pub const REFS_MAX_DEPTH: u32 = 32;
