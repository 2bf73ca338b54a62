//! Names of objects: one function per kind (FORMAT.md §1). All names are relative to `<repo-id>/`.

use crate::error::{Result, malformed};
use crate::id::{DeviceId, PackId, PackKind, RepositoryId, Sha256, parse_decimal};

/// Highest sequence or revision number + 1.
const INVERSE: u64 = 1_000_000_000_000;

/// `FORMAT.txt`.
pub const FORMAT_TXT: &str = "FORMAT.txt";

/// Full name of an object of a repository.
pub fn in_repository(repository: &RepositoryId, name: &str) -> String {
    format!("{repository}/{name}")
}

/// `desc/<inv12>`.
pub fn descriptor(revision: u64) -> String {
    format!("desc/{:012}", INVERSE - revision.min(INVERSE))
}

/// `keys/e<k>/<rev8>.age`.
pub fn epoch_key(epoch: u32, revision: u32) -> String {
    format!("keys/e{epoch}/{revision:08}.age")
}

/// `keys/d<dev>.age`.
pub fn device_key(device: &DeviceId) -> String {
    format!("keys/d{device}.age")
}

/// `keys/r2/<rev8>.age`.
pub fn everyday_key(revision: u32) -> String {
    format!("keys/r2/{revision:08}.age")
}

/// `p/e<k>/<hh>/<sha256>` or `m/…`.
pub fn pack(kind: PackKind, id: &PackId) -> String {
    let hash = id.sha256.to_string();
    format!("{}/e{}/{}/{}", kind.letter(), id.epoch, &hash[..2], hash)
}

/// `i/<dev>/<sha256>`.
pub fn index_segment(device: &DeviceId, sha256: &Sha256) -> String {
    format!("i/{device}/{sha256}")
}

/// What the names of all index segments of a device begin with.
pub fn index_of(device: &DeviceId) -> String {
    format!("i/{device}/")
}

/// `a/<hh>/<sha256>`.
pub fn attachment(sha256: &Sha256) -> String {
    let hash = sha256.to_string();
    format!("a/{}/{}", &hash[..2], hash)
}

/// `c/<dev>/<inv12>-<sha256>.note`.
pub fn note(device: &DeviceId, sequence: u64, sha256: &Sha256) -> String {
    format!("c/{device}/{:012}-{sha256}.note", INVERSE - sequence.min(INVERSE))
}

/// Prefix of all notes of a device.
pub fn notes_of(device: &DeviceId) -> String {
    format!("c/{device}/")
}

/// Prefix under which all notes of one sequence number stand.
pub fn notes_at(device: &DeviceId, sequence: u64) -> String {
    format!("c/{device}/{:012}-", INVERSE - sequence.min(INVERSE))
}

/// Device, sequence and hash of a note's name (relative to the repository).
pub fn parse_note(name: &str) -> Result<(DeviceId, u64, Sha256)> {
    let wrong = || malformed("note name", "c/<dev>/<inv12>-<sha256>.note expected");
    let rest = name.strip_prefix("c/").ok_or_else(wrong)?;
    let (device, rest) = rest.split_once('/').ok_or_else(wrong)?;
    let (inverse, rest) = rest.split_once('-').ok_or_else(wrong)?;
    let hash = rest.strip_suffix(".note").ok_or_else(wrong)?;
    Ok((DeviceId::parse(device)?, parse_inverse(inverse).ok_or_else(wrong)?, Sha256::parse(hash)?))
}

/// Revision of a descriptor's name (relative to the repository).
pub fn parse_descriptor(name: &str) -> Result<u64> {
    name.strip_prefix("desc/")
        .and_then(parse_inverse)
        .ok_or_else(|| malformed("descriptor name", "desc/<inv12> expected"))
}

/// A pack's kind and id: what its name says.
pub type PackName = (PackKind, PackId);

/// Kind and id of a pack's name (relative to the repository).
pub fn parse_pack(name: &str) -> Result<PackName> {
    let wrong = || malformed("pack name", "p/e<k>/<hh>/<sha256> expected");
    let mut parts = name.split('/');
    let kind = PackKind::parse(parts.next().ok_or_else(wrong)?)?;
    let epoch = parts.next().and_then(|e| e.strip_prefix('e')).and_then(parse_decimal).ok_or_else(wrong)?;
    let prefix = parts.next().ok_or_else(wrong)?;
    let hash = parts.next().ok_or_else(wrong)?;
    if parts.next().is_some() || !hash.starts_with(prefix) || prefix.len() != 2 {
        return Err(wrong());
    }
    let epoch = u32::try_from(epoch).map_err(|_| wrong())?;
    Ok((kind, PackId { epoch, sha256: Sha256::parse(hash)? }))
}

/// Whether FORMAT.md §1 knows a name (relative to the repository). Any other is somebody else's file: passed over, counted,
/// and never damage.
pub fn is_named(name: &str) -> bool {
    let (top, rest) = name.split_once('/').unwrap_or((name, ""));
    match top {
        FORMAT_TXT => rest.is_empty() && name == FORMAT_TXT,
        "desc" => parse_descriptor(name).is_ok(),
        "c" => parse_note(name).is_ok_and(|(device, n, hash)| note(&device, n, &hash) == name),
        "p" | "m" => parse_pack(name).is_ok_and(|(kind, id)| pack(kind, &id) == name),
        "i" => rest
            .split_once('/')
            .is_some_and(|(device, hash)| DeviceId::parse(device).is_ok() && Sha256::parse(hash).is_ok()),
        "a" => rest
            .split_once('/')
            .is_some_and(|(_, hash)| Sha256::parse(hash).is_ok_and(|sha256| attachment(&sha256) == name)),
        "keys" => is_key_file(rest),
        "probe" => !rest.is_empty(),
        _ => false,
    }
}

/// `e<k>/<rev8>.age`, `d<dev>.age` or `r2/<rev8>.age`.
fn is_key_file(rest: &str) -> bool {
    let is_revision = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(stem) = rest.strip_suffix(".age") else { return false };
    match stem.split_once('/') {
        Some(("r2", revision)) => is_revision(revision),
        Some((epoch, revision)) => {
            let epoch = epoch.strip_prefix('e').and_then(parse_decimal);
            epoch.is_some_and(|k| u32::try_from(k).is_ok()) && is_revision(revision)
        }
        None => stem.strip_prefix('d').is_some_and(|device| DeviceId::parse(device).is_ok()),
    }
}

fn parse_inverse(text: &str) -> Option<u64> {
    let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let inverse: u64 = if digits { text.parse().ok()? } else { return None };
    (inverse < INVERSE).then(|| INVERSE - inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_note_lists_first() {
        let device = DeviceId::parse("0123456789abcdef").unwrap();
        let hash = Sha256([7; 32]);
        assert!(note(&device, 2, &hash) < note(&device, 1, &hash));
        assert_eq!(parse_note(&note(&device, 42, &hash)).unwrap(), (device, 42, hash));
        assert_eq!(parse_descriptor(&descriptor(3)).unwrap(), 3);
    }

    #[test]
    fn every_name_we_make_is_known_and_no_strangers_is() {
        let (device, hash) = (DeviceId::parse("0123456789abcdef").unwrap(), Sha256([0xab; 32]));
        let pack_id = PackId { epoch: 3, sha256: hash };
        let ours = [
            FORMAT_TXT.to_owned(),
            descriptor(1),
            epoch_key(0, 1),
            device_key(&device),
            everyday_key(2),
            pack(PackKind::Data, &pack_id),
            pack(PackKind::Manifest, &pack_id),
            index_segment(&device, &hash),
            attachment(&hash),
            note(&device, 7, &hash),
        ];
        for name in &ours {
            assert!(is_named(name), "{name}");
            // What sync tools and systems leave beside and below.
            let (folder, _) = name.rsplit_once('/').unwrap_or(("", name));
            let mut strange =
                vec![format!("{name}.tmp"), format!("{name}.sync-conflict-20261127-101010-ABCDEFG")];
            strange.extend([format!("{name}/x"), format!("{name}~"), name.to_ascii_uppercase()]);
            let stray = [".DS_Store", "Thumbs.db", "desktop.ini", "._x", "lost-found", "1", ".nfs0000001"];
            strange.extend(stray.map(|stray| format!("{folder}/{stray}").trim_start_matches('/').to_owned()));
            for stranger in strange.iter().filter(|stranger| *stranger != name) {
                assert!(!is_named(stranger), "{stranger}");
            }
        }
    }

    #[test]
    fn pack_names_round_trip() {
        let id = PackId { epoch: 12, sha256: Sha256([0xab; 32]) };
        let name = pack(PackKind::Manifest, &id);
        assert_eq!(parse_pack(&name).unwrap(), (PackKind::Manifest, id));
        assert!(parse_pack(&name.replace("/ab/", "/ac/")).is_err());
    }
}
