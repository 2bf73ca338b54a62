//! Source files of every shape a Unix system has.
//!
//! For: tests. Contents are noise from a seed, so that a test can make the same file twice. Never: follows a
//! link it made.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

/// A folder that a test fills.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// A new folder.
    pub fn new(root: PathBuf) -> Self {
        fs::create_dir_all(&root).unwrap();
        Self { root: fs::canonicalize(root).unwrap() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it; names may be any bytes.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root.join(name.as_ref())
    }

    /// Writes a file and the folders that lead to it.
    pub fn file(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Makes a folder and those that lead to it.
    pub fn folder(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Makes a symbolic link.
    pub fn symlink(&self, name: impl AsRef<OsStr>, target: impl AsRef<OsStr>) {
        symlink(target.as_ref(), self.path(name)).unwrap();
    }

    /// Gives a file another name.
    pub fn hardlink(&self, name: impl AsRef<OsStr>, of: impl AsRef<OsStr>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::hard_link(self.path(of), path).unwrap();
    }

    /// Makes a named pipe.
    pub fn fifo(&self, name: impl AsRef<OsStr>) {
        mknodat(CWD, self.path(name), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    /// Makes a socket nobody listens to.
    pub fn socket(&self, name: impl AsRef<OsStr>) {
        drop(UnixListener::bind(self.path(name)).unwrap());
    }

    /// Makes a file of `bytes` with holes around `extents` (offset, content).
    pub fn sparse(&self, name: impl AsRef<OsStr>, bytes: u64, extents: &[(u64, &[u8])]) -> PathBuf {
        let path = self.file(name, b"");
        let mut file = File::create(&path).unwrap();
        file.set_len(bytes).unwrap();
        for (offset, content) in extents {
            file.seek(SeekFrom::Start(*offset)).unwrap();
            file.write_all(content).unwrap();
        }
        path
    }

    /// Sets mode bits, setuid, setgid and sticky too.
    pub fn mode(&self, name: impl AsRef<OsStr>, bits: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(bits)).unwrap();
    }

    /// Sets owner and group of the entry itself, never of what a link points to.
    pub fn owner(&self, name: impl AsRef<OsStr>, user: u32, group: u32) {
        std::os::unix::fs::lchown(self.path(name), Some(user), Some(group)).unwrap();
    }

    /// Sets the modification time of the entry itself; before 1970 too.
    pub fn modified(&self, name: impl AsRef<OsStr>, seconds: i64, nanoseconds: u32) {
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, self.path(name), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }

    /// Sets an extended attribute of the entry itself.
    pub fn attribute(&self, name: impl AsRef<OsStr>, attribute: &str, value: &[u8]) {
        xattr::set(self.path(name), attribute, value).unwrap();
    }

    /// Changes the content in place and moves the modification time by at least a second.
    pub fn edit(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, content).unwrap();
        let after = SystemTime::now().max(before + Duration::from_secs(1));
        File::options().write(true).open(&path).unwrap().set_modified(after).unwrap();
    }

    /// Everything that is not special: files of all sizes, odd names, links, holes, empty and deep folders.
    /// 70 MB in one file; `big` sets the size of the sparse one.
    pub fn fill_with_everything(&self, sparse_bytes: u64) {
        for (index, bytes) in SIZES.into_iter().enumerate() {
            self.file(format!("tailles/{bytes} octets.bin"), noise(index as u64, bytes));
        }
        self.file("tailles/texte.txt", "Compte rendu de consultation.\r\n".repeat(20_000));
        self.file("imagerie/grande série.raw", noise(70, 70_000_000));
        self.sparse(
            "imagerie/creux.img",
            sparse_bytes,
            &[
                (0, &noise(71, 4096)),
                (sparse_bytes / 2, &noise(72, 100_000)),
                (sparse_bytes - 4096, &noise(73, 4096)),
            ],
        );
        self.sparse("imagerie/vide creux.img", 1 << 20, &[]);
        self.sparse("imagerie/queue creuse.img", 1 << 20, &[(0, b"tout au debut")]);
        self.odd_names();
        self.file("liens/dossier.txt", "le même contenu sous trois noms");
        self.hardlink("liens/dossier bis.txt", "liens/dossier.txt");
        self.hardlink("tailles/dossier ter.txt", "liens/dossier.txt");
        self.file("liens/autre.txt", noise(74, 3_000_000));
        self.hardlink("liens/autre bis.txt", "liens/autre.txt");
        self.symlink("liens/vers dossier", "dossier.txt");
        self.symlink("liens/vers rien", "/nulle/part/du tout");
        self.symlink("liens/boucle a", "boucle b");
        self.symlink("liens/boucle b", "boucle a");
        self.symlink("liens/vers le haut", "..");
        self.symlink(OsStr::from_bytes(b"liens/cible \xff"), OsStr::from_bytes(b"cible\xff\xfe"));
        self.folder("vides/profond/plus profond");
        self.file(format!("{}fond.txt", "d/".repeat(120)), "au fond");
        self.file(format!("{}/{}.txt", "n".repeat(255), "é".repeat(125)), "noms de 255 octets");
    }

    /// Names that careless programs lose: not UTF-8, twice the same letter in NFC and NFD, controls, shells.
    pub fn odd_names(&self) {
        let names: [&[u8]; 14] = [
            b"latin1 \xe9t\xe9.txt",
            b"\xff\xfe\x80",
            "Élodie NFC.txt".as_bytes(),
            "E\u{301}lodie NFC.txt".as_bytes(),
            b"saut\nde ligne",
            b"retour\r",
            b"tab\t'\"\\$(x)`*?[]",
            b" espaces ",
            b"-rf",
            b"...",
            b"CON",
            b"fin.",
            "🩺 💉.txt".as_bytes(),
            "\u{202e}txt.exe".as_bytes(),
        ];
        for (index, name) in names.into_iter().enumerate() {
            let name = [b"noms/".as_slice(), name].concat();
            self.file(OsStr::from_bytes(&name), format!("contenu {index}"));
        }
        self.file(OsStr::from_bytes(b"noms/dossier \xe8/\xe9"), "dans un dossier qui n'est pas UTF-8");
    }

    /// `count` small files, `per_folder` to a folder, of text like that of a practice; the same for one seed.
    pub fn fill_with_small_files(&self, count: usize, per_folder: usize, seed: u64) {
        for number in 0..count {
            if number % per_folder == 0 {
                self.folder(small_file_name(number, per_folder).parent().unwrap());
            }
            fs::write(self.path(small_file_name(number, per_folder)), small_file(seed, number)).unwrap();
        }
    }
}

/// Sizes around every boundary of the format, in bytes.
pub const SIZES: [usize; 14] = [
    0,
    1,
    4_095,
    4_096,
    4_097,
    65_535,
    65_536,
    65_537,
    (512 << 10) - 1,
    512 << 10,
    (512 << 10) + 1,
    (4 << 20) - 1,
    4 << 20,
    (4 << 20) + 1,
];

/// Name of the small file `number` of [`Tree::fill_with_small_files`].
pub fn small_file_name(number: usize, per_folder: usize) -> PathBuf {
    PathBuf::from(format!("dossiers/{:05}/document {number:07}.txt", number / per_folder))
}

/// Content of the small file `number`: 200 to 1 200 bytes, half of it noise.
pub fn small_file(seed: u64, number: usize) -> Vec<u8> {
    let mut content =
        format!("Document {number}\nConsultation du jour, tension 12/8, pouls 72.\n").into_bytes();
    let random = noise(seed ^ (number as u64) << 20, 1 + number * 37 % 500);
    content.extend(hex::encode(random).into_bytes());
    content
}

/// `bytes` of noise that does not compress; the same for one seed.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut content);
    content
}
