//! How a bilan speaks of a file: a keyed token, a class, a size bucket.
//!
//! For: per-file problems in records and messages. Data: path and size, from the agent. Never: lets a path out;
//! only whoever holds the token key can find the file again.

use crate::text::closed_words;

/// Hexadecimal characters of a token.
pub const TOKEN_LENGTH: usize = 10;

closed_words! {
    /// Class of a file by its extension.
    ExtensionClass, "extension class" {
        /// Text, office, PDF.
        Document = "document",
        /// Photograph, scan.
        Image = "image",
        /// Database and its companions.
        Database = "database",
        /// Medical imaging.
        Imaging = "imaging",
        /// Mail and structured medical messages.
        Message = "message",
        /// Archive, disk image.
        Archive = "archive",
        /// Anything else.
        Other = "other",
    }
}

closed_words! {
    /// Size of a file, roughly.
    SizeBucket, "size bucket" {
        /// 0 bytes.
        Empty = "empty",
        /// Up to 64 KiB.
        UpTo64KiB = "up-to-64-kib",
        /// Up to 1 MiB.
        UpTo1MiB = "up-to-1-mib",
        /// Up to 16 MiB.
        UpTo16MiB = "up-to-16-mib",
        /// Up to 256 MiB.
        UpTo256MiB = "up-to-256-mib",
        /// Over 256 MiB.
        Larger = "larger",
    }
}

/// Token of a file: the first ten hexadecimal characters of the BLAKE3 keyed hash of its full path (components
/// joined by `/`) under `subkey("token")` (FORMAT.md §4.2).
pub fn file_token(token_key: &[u8; 32], path: &[u8]) -> String {
    let hash = blake3::keyed_hash(token_key, path);
    hex::encode(&hash.as_bytes()[..TOKEN_LENGTH / 2])
}

/// Whether a text has the form of a token.
pub(super) fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LENGTH && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Class of a file, from the last extension of its name (any case).
pub fn extension_class(name: &[u8]) -> ExtensionClass {
    let dot = name.iter().rposition(|b| *b == b'.').filter(|at| *at > 0);
    let extension = dot.map_or(&[][..], |at| &name[at + 1..]).to_ascii_lowercase();
    match &extension[..] {
        b"doc" | b"docx" | b"odt" | b"ods" | b"odp" | b"pdf" | b"rtf" | b"txt" | b"xls" | b"xlsx"
        | b"csv" | b"ppt" | b"pptx" | b"md" | b"html" | b"htm" => ExtensionClass::Document,
        b"jpg" | b"jpeg" | b"png" | b"tif" | b"tiff" | b"bmp" | b"gif" | b"heic" | b"webp" => {
            ExtensionClass::Image
        }
        b"fdb" | b"gdb" | b"fbk" | b"gbk" | b"fic" | b"mmo" | b"ndx" | b"mdf" | b"ldf" | b"ndf" | b"bak"
        | b"db" | b"sqlite" | b"sqlite3" | b"mdb" | b"accdb" | b"dbf" | b"dmp" | b"sql" | b"4d" | b"4dd"
        | b"wal" => ExtensionClass::Database,
        b"dcm" | b"dicom" | b"nii" | b"mha" | b"stl" => ExtensionClass::Imaging,
        b"eml" | b"msg" | b"pst" | b"ost" | b"mbox" | b"hl7" | b"hpr" | b"xml" | b"cda" | b"p7m" | b"vcf" => {
            ExtensionClass::Message
        }
        b"zip" | b"7z" | b"rar" | b"gz" | b"tar" | b"tgz" | b"xz" | b"zst" | b"iso" | b"vhd" | b"vhdx" => {
            ExtensionClass::Archive
        }
        _ => ExtensionClass::Other,
    }
}

/// Bucket of a size in bytes.
pub fn size_bucket(bytes: u64) -> SizeBucket {
    match bytes {
        0 => SizeBucket::Empty,
        1..=0x1_0000 => SizeBucket::UpTo64KiB,
        0x1_0001..=0x10_0000 => SizeBucket::UpTo1MiB,
        0x10_0001..=0x100_0000 => SizeBucket::UpTo16MiB,
        0x100_0001..=0x1000_0000 => SizeBucket::UpTo256MiB,
        _ => SizeBucket::Larger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_depend_on_key_and_path_only() {
        let token = file_token(&[1; 32], "C/Patients/Müller.docx".as_bytes());
        assert!(is_token(&token));
        assert_eq!(token, file_token(&[1; 32], "C/Patients/Müller.docx".as_bytes()));
        assert_ne!(token, file_token(&[2; 32], "C/Patients/Müller.docx".as_bytes()));
        assert_ne!(token, file_token(&[1; 32], "C/Patients/Muller.docx".as_bytes()));
    }

    #[test]
    fn classes_and_buckets() {
        assert_eq!(extension_class(b"A.PDF"), ExtensionClass::Document);
        assert_eq!(extension_class(b"base.fdb"), ExtensionClass::Database);
        assert_eq!(extension_class(b".pdf"), ExtensionClass::Other);
        assert_eq!(extension_class(b"x."), ExtensionClass::Other);
        assert_eq!(extension_class(b""), ExtensionClass::Other);
        assert_eq!(size_bucket(0), SizeBucket::Empty);
        assert_eq!(size_bucket(65_536), SizeBucket::UpTo64KiB);
        assert_eq!(size_bucket(65_537), SizeBucket::UpTo1MiB);
        assert_eq!(size_bucket(u64::MAX), SizeBucket::Larger);
    }
}
