//! Whether a file that looks different is what it was: by its content, and by what a restore gives to a file beside it.
//!
//! Data comes from the last snapshot's records and from entries that have been read again; goes to the counts of the scan. Never:
//! read or written.

use scelle_format::manifest::{Content, Entry, Xattr};

use crate::pipeline::gather::changes::Changes;

/// A file as the last snapshot has it, where it looks different and is read again.
pub struct Before {
    content: ContentPrint,
    attributes: AttributesPrint,
}

impl Before {
    /// Of its entry there.
    pub fn of(entry: &Entry) -> Self {
        Self { content: ContentPrint::of(&entry.content), attributes: AttributesPrint::of(entry) }
    }
}

/// Files that look different and hold what they held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alike {
    /// How many.
    content: u64,
    /// Of these, how many have the attributes they had, too: what is another is an inode or the time of its last change, which a
    /// restore cannot give back.
    attributes: u64,
}

impl Alike {
    /// Compares a file that has been read with what it was.
    pub fn count(&mut self, before: &Before, now: &Entry) {
        if before.content == ContentPrint::of(&now.content) {
            self.content += 1;
            self.attributes += u64::from(before.attributes == AttributesPrint::of(now));
        }
    }

    /// Tells of what was counted as changed: files that came back as they were have not.
    pub fn tell(self, changes: &mut Changes) {
        changes.changed -= self.attributes.min(changes.changed);
        changes.unchanged += self.attributes;
        changes.same_content = self.content - self.attributes;
    }
}

/// Tells apart what a restore gives to a file beside its content.
#[derive(Clone, Copy, PartialEq, Eq)]
struct AttributesPrint([u8; 32]);

impl AttributesPrint {
    fn of(entry: &Entry) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(&entry.bytes.to_le_bytes()).update(&entry.modified_ns.to_le_bytes());
        for part in [entry.mode, entry.owner, entry.group] {
            hash.update(&part.map_or(0, |part| u64::from(part) + 1).to_le_bytes());
        }
        for Xattr { name, value } in &entry.xattrs {
            for part in [name, value] {
                hash.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
        }
        Self(*hash.finalize().as_bytes())
    }
}

/// Tells contents apart by the chunks they are made of, wherever these lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentPrint([u8; 16]);

impl ContentPrint {
    /// The print of a content that has its places.
    fn of(content: &Content) -> Self {
        let mut hasher = blake3::Hasher::new();
        let rows = match content {
            Content::Empty => &[][..],
            Content::Chunks(rows) | Content::Nodes { nodes: rows, .. } => rows,
            Content::Slice { at, offset, bytes } => {
                hasher.update(&offset.to_le_bytes()).update(&bytes.to_le_bytes());
                std::slice::from_ref(at)
            }
        };
        rows.iter().for_each(|at| {
            hasher.update(&at.id.0);
        });
        let [print @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *hasher.finalize().as_bytes();
        Self(print)
    }
}

#[cfg(test)]
mod tests {
    use scelle_format::manifest::EntryKind;

    use super::*;

    #[test]
    fn a_file_that_came_back_as_it_was_has_not_changed() {
        let mut entry = Entry::bare(b"f".to_vec(), EntryKind::File);
        (entry.bytes, entry.modified_ns, entry.mode) = (5, 9, Some(0o640));
        let before = Before::of(&entry);
        let mut alike = Alike::default();
        alike.count(&before, &entry);
        entry.mode = Some(0o600);
        alike.count(&before, &entry);
        let mut changes = Changes { changed: 3, ..Changes::default() };
        alike.tell(&mut changes);
        let told = (changes.changed, changes.unchanged, changes.same_content);
        assert_eq!(told, (2, 1, 1), "one as it was, one with other rights, one that was not compared");
    }
}
