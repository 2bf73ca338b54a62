-- "Checked" means: followed by a checksum over it and what it is kept under (repo/state/checksum.rs). What is sealed needs none.
-- One row per set of roots: which snapshot it is at, and its hunks in order.
CREATE TABLE IF NOT EXISTS sets (
    set_id   TEXT PRIMARY KEY,
    snapshot INTEGER NOT NULL,
    hunks    BLOB NOT NULL,          -- rows of `hunks`, u64 little-endian, in the manifest's order; checked
    level2   BLOB NOT NULL           -- level-2 nodes of the snapshot (postcard)
) WITHOUT ROWID;
-- One row per hunk: where it lies, which packs it needs, and its sealed records.
CREATE TABLE IF NOT EXISTS hunks (
    row     INTEGER PRIMARY KEY,
    node    BLOB NOT NULL,           -- NodeRef without its path (postcard); checked, with row and packs
    packs   BLOB NOT NULL,           -- rows of `packs`, u32 little-endian
    records BLOB NOT NULL            -- sealed
);
CREATE TABLE IF NOT EXISTS packs (
    row          INTEGER PRIMARY KEY,
    kind         INTEGER NOT NULL,   -- 0 data, 1 manifest
    epoch        INTEGER NOT NULL,
    sha256       BLOB NOT NULL UNIQUE,
    object_bytes INTEGER NOT NULL,
    -- over the others
    checksum     BLOB NOT NULL
);
-- Manifest chunks (hunks, level-2 nodes, chunk lists) by id.
CREATE TABLE IF NOT EXISTS nodes (
    id       BLOB PRIMARY KEY,
    location BLOB NOT NULL           -- postcard; checked
) WITHOUT ROWID;
-- What each manifest pack holds, ids one after another: known here only, and needed when the pack is damaged.
CREATE TABLE IF NOT EXISTS manifest_chunks (
    sha256 BLOB PRIMARY KEY,
    ids    BLOB NOT NULL             -- checked
) WITHOUT ROWID;
-- Small files that shared a chunk (FORMAT.md §6.4) and were put elsewhere since, one row for each hunk with some: what is
-- lost of an older snapshot is made again from them. Paths, offsets and lengths; sealed.
CREATE TABLE IF NOT EXISTS groups (
    row     INTEGER PRIMARY KEY,
    members BLOB NOT NULL
);
