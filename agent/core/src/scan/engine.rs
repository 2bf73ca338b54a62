//! Which files are databases, and of which engine: by their first bytes, by their name where they have no signature.
//!
//! For: the pipeline, which reads them under their own locks where it can, and restore, which must not put one over a
//! program's open file. Never: opens a file.

use scelle_format::report::{ExtensionClass, extension_class};

/// First bytes of every SQLite 3 database (sqlite.org/fileformat2.html §1.2).
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes that [`recognise`] wants to see.
pub const SIGNATURE_BYTES: usize = 64;

/// How a file's content is best cut and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseEngine {
    /// No database.
    Content,
    /// Its name is that of a database that has no signature (dBASE), or whose makers have published none (HFSQL, 4D: what
    /// others say of their first bytes is guessed from single files, and three letters prove nothing); or of files that an engine keeps
    /// beside those that have one (MyISAM, Aria, InnoDB).
    Named,
    /// A database file of fixed pages: Access, SQL Server, Firebird, InnoDB.
    Paged,
    /// The control file of a PostgreSQL cluster.
    PostgresControl,
    /// SQLite.
    Sqlite,
}

impl DatabaseEngine {
    /// Whether it says by itself that a database is there.
    pub fn is_database(self) -> bool {
        self != Self::Content
    }
}

/// What the first bytes of a file, or else its name, say it is.
pub fn recognise(first: &[u8], path: &[u8]) -> DatabaseEngine {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    match first {
        first if first.starts_with(SQLITE_MAGIC) => DatabaseEngine::Sqlite,
        first if is_paged(first) => DatabaseEngine::Paged,
        first if path.ends_with(b"global/pg_control") && is_postgres_control(first) => {
            DatabaseEngine::PostgresControl
        }
        _ if is_named(name) => DatabaseEngine::Named,
        _ => DatabaseEngine::Content,
    }
}

fn is_paged(first: &[u8]) -> bool {
    match first {
        // Access: Jet 3 and 4, ACE (mdbtools, HACKING.md: "The DB header").
        [0, 1, 0, 0, name @ ..] => {
            name.starts_with(b"Standard Jet DB") || name.starts_with(b"Standard ACE DB")
        }
        // SQL Server: page 0 of .mdf, .ndf and .ldf is a file header, page type 15, header version 1 (M. Delaney, SQL
        // Server Internals: m_headerVersion, m_type).
        [1, 0x0f, 0, 0, ..] => true,
        _ => is_firebird(first) || is_innodb(first),
    }
}

/// Firebird's header page (src/jrd/ods.h): page type 1, at 16 the page size, at 18 the version of the on-disk structure
/// with the high bit that tells Firebird from InterBase.
fn is_firebird(first: &[u8]) -> bool {
    let Some(header) = first.get(..20).filter(|header| header[0] == 1) else { return false };
    let page_bytes = u16::from_le_bytes([header[16], header[17]]);
    let is_page = page_bytes.is_power_of_two() && page_bytes >= 1024;
    is_page && header[19] == 0x80 && (8..=20).contains(&header[18])
}

/// InnoDB's first page (storage/innobase/include/fil0types.h, fsp0types.h; big-endian): number 0 at 4, at 24 the type 8 of
/// a tablespace header, its space id at 34 and again at 38, zero at 42, its size in pages at 46.
fn is_innodb(first: &[u8]) -> bool {
    first.len() >= 50
        && first[4..8] == [0; 4]
        && first[24..26] == [0, 8]
        && first[34..38] == first[38..42]
        && first[42..46] == [0; 4]
        && first[46..50] != [0; 4]
}

/// PostgreSQL's control file (src/include/catalog/pg_control.h): after the system identifier its own version, 700 to 2 999,
/// and the catalogue's, which is a date and a digit.
fn is_postgres_control(first: &[u8]) -> bool {
    let word =
        |at: usize| first.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_ne_bytes);
    let (version, catalogue) = (word(8).unwrap_or(0), word(12).unwrap_or(0));
    (700..3_000).contains(&version) && (199_900_000..=210_000_000).contains(&catalogue)
}

fn is_named(name: &[u8]) -> bool {
    let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(
        &ending[..],
        b"fic"
            | b"ndx"
            | b"mmo"
            | b"ftx"
            | b"4dd"
            | b"4dindx"
            | b"dbf"
            | b"cdx"
            | b"fdb"
            | b"gdb"
            | b"myd"
            | b"myi"
            | b"mad"
            | b"mai"
            | b"ibd"
    ) && extension_class(name) != ExtensionClass::Document
        && name.len() > ending.len() + 1
        || is_innodb_by_name(name)
}

/// `ibdata1` and its like, which may begin with pages that tell nothing.
fn is_innodb_by_name(name: &[u8]) -> bool {
    let number = name.get(..6).filter(|start| start.eq_ignore_ascii_case(b"ibdata")).map(|_| &name[6..]);
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// Whether a change of this file during its reading may have torn a database.
pub fn may_be_database(engine: DatabaseEngine, path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    engine.is_database() || extension_class(name) == ExtensionClass::Database
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut first = vec![0; SIGNATURE_BYTES];
        parts.iter().for_each(|(at, bytes)| first[*at..at + bytes.len()].copy_from_slice(bytes));
        first
    }

    #[test]
    fn engines_are_known_whatever_the_file_is_called() {
        let paged: [Vec<u8>; 7] = [
            of(&[(0, b"\0\x01\0\0Standard Jet DB\0")]),
            of(&[(0, b"\0\x01\0\0Standard ACE DB\0")]),
            of(&[(0, &[1, 15, 0, 0])]),
            // ODS 11.2 with the checksum of its time, ODS 12 and 13.
            of(&[(0, &[1, 0, 0x39, 0x30]), (16, &[0, 16, 11, 0x80])]),
            of(&[(0, &[1]), (16, &[0, 32, 12, 0x80])]),
            of(&[(0, &[1]), (16, &[0, 32, 13, 0x80])]),
            of(&[(0, &[9, 8, 7, 6]), (24, &[0, 8]), (34, &[0, 0, 0, 7, 0, 0, 0, 7]), (46, &[0, 0, 0, 6])]),
        ];
        for first in &paged {
            assert_eq!(recognise(first, b"data/x.dat"), DatabaseEngine::Paged, "{first:?}");
        }
        assert_eq!(recognise(SQLITE_MAGIC, b"x.dat"), DatabaseEngine::Sqlite);
        let control = of(&[(8, &1300_u32.to_ne_bytes()), (12, &202_307_071_u32.to_ne_bytes())]);
        assert_eq!(recognise(&control, b"srv/pg/global/pg_control"), DatabaseEngine::PostgresControl);
        assert_eq!(recognise(&control, b"srv/pg/other"), DatabaseEngine::Content);
        assert_eq!(recognise(b"any", b"cabinet/Patient.FIC"), DatabaseEngine::Named);
        for content in [&b""[..], b"hello", &[0; 64], &[1; 64]] {
            assert_eq!(recognise(content, b"cabinet/lettre.txt"), DatabaseEngine::Content);
        }
    }
}
