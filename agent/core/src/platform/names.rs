//! The names of one directory, sorted, in one block of memory: a folder with a million names costs some 40 MB here,
//! not the 200 MB of a million small vectors. Filled by the directory readers, consumed by the walk.

/// Names sorted bytewise, each with the inode number the directory gave (0 where it gives none).
#[derive(Default)]
pub struct Names {
    bytes: Vec<u8>,
    rows: Vec<NameRow>,
}

#[derive(Clone, Copy)]
struct NameRow {
    start: usize,
    bytes: u32,
    inode: u64,
}

impl Names {
    /// Takes a name; [`Names::sort`] comes after the last.
    pub(super) fn push(&mut self, name: &[u8], inode: u64) {
        // A name longer than 4 GiB does not exist; `as` would only matter then.
        self.rows.push(NameRow { start: self.bytes.len(), bytes: name.len() as u32, inode });
        self.bytes.extend_from_slice(name);
    }

    /// Puts the names into the order of the format.
    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.rows.sort_unstable_by(|a, b| slice(bytes, a).cmp(slice(bytes, b)));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the directory is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The name at `at`; empty beyond the last.
    pub fn name(&self, at: usize) -> &[u8] {
        self.rows.get(at).map_or(&[], |row| slice(&self.bytes, row))
    }

    /// The inode number at `at`, as the directory gave it.
    pub fn inode(&self, at: usize) -> u64 {
        self.rows.get(at).map_or(0, |row| row.inode)
    }
}

fn slice<'a>(bytes: &'a [u8], row: &NameRow) -> &'a [u8] {
    &bytes[row.start..row.start + row.bytes as usize]
}
