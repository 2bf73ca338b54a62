//! Which names of a hardlink group may become one file (FORMAT.md §8.3).
//!
//! For: `produce`. A file may have changed between the visits to its names: the snapshot then holds two versions of one
//! inode, and each is restored as what it was. Data comes from the manifest. Never: reads content; chunk ids are it.

use std::collections::HashMap;

use scelle_format::manifest::{Content, Entry, Xattr};

use crate::scan::EntryPath;

/// The groups met so far.
#[derive(Default)]
pub(super) struct LinkGroups {
    /// First name and number of each version.
    versions: HashMap<(u64, [u8; 32]), (u64, EntryPath)>,
    /// How many versions a group has.
    counts: HashMap<u64, u64>,
    /// Names that are not linked to the first of their group.
    pub(super) split: u64,
}

impl LinkGroups {
    /// The earlier name that this one is to be linked to. The entry's group becomes that of its version.
    pub(super) fn earlier(&mut self, path: &EntryPath, entry: &mut Entry) -> Option<EntryPath> {
        let group = entry.link_group?;
        let number = self.versions.len() as u64;
        let version = (group, version_of(entry));
        if let Some((number, first)) = self.versions.get(&version) {
            entry.link_group = Some(*number);
            return Some(first.clone());
        }
        let count = self.counts.entry(group).or_default();
        self.split += u64::from(*count > 0);
        *count += 1;
        self.versions.insert(version, (number, path.clone()));
        entry.link_group = Some(number);
        None
    }
}

/// Stands for content and attributes, wherever the chunks lie.
fn version_of(entry: &Entry) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    let mut number = |number: u64| {
        hash.update(&number.to_le_bytes());
    };
    number(entry.bytes);
    number(entry.modified_ns as u64);
    for part in [entry.mode, entry.owner, entry.group] {
        number(part.map_or(0, |part| u64::from(part) + 1));
    }
    for extent in entry.extents.iter().flatten() {
        number(extent.start);
        number(extent.bytes);
    }
    let rows = match &entry.content {
        Content::Empty => &[][..],
        Content::Chunks(rows) => rows,
        Content::Nodes { level, nodes } => {
            number(u64::from(*level));
            nodes
        }
        Content::Slice { at, offset, .. } => {
            number(u64::from(*offset));
            std::slice::from_ref(at)
        }
    };
    number(rows.len() as u64);
    for at in rows {
        hash.update(&at.id.0);
    }
    for Xattr { name, value } in &entry.xattrs {
        for part in [name, value] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    *hash.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use scelle_format::manifest::EntryKind;

    use super::*;

    #[test]
    fn a_name_is_linked_to_its_own_version() {
        let mut groups = LinkGroups::default();
        let mut take = |name: &str, mode: u32, bytes: u64| {
            let mut entry = Entry::bare(name.into(), EntryKind::File);
            (entry.link_group, entry.mode, entry.bytes) = (Some(7), Some(mode), bytes);
            let path = EntryPath::from_bytes(name.as_bytes()).unwrap();
            let earlier = groups.earlier(&path, &mut entry).map(|path| path.as_bytes().to_vec());
            (earlier, entry.link_group)
        };
        assert_eq!(take("a", 1, 5), (None, Some(0)));
        assert_eq!(take("b", 1, 6), (None, Some(1)));
        assert_eq!(take("c", 1, 5), (Some(b"a".to_vec()), Some(0)));
        assert_eq!(take("d", 1, 6), (Some(b"b".to_vec()), Some(1)));
        assert_eq!(take("e", 2, 6), (None, Some(2)));
        assert_eq!(groups.split, 2);
    }
}
