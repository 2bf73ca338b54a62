//! The files that make a backup stumble: links, holes, names in every form, empty and hidden ones.
//!
//! Only what the system can hold is made. Never: a link that leads out of the practice.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::Result;
use super::maker::Maker;
use super::names::decomposed;
use super::scale::Scale;

/// Writes the odd files below `Divers`.
pub fn write(maker: &mut Maker, scale: Scale) -> Result<()> {
    let folder = PathBuf::from("Divers");
    maker.write(&folder.join("vide.txt"), b"")?;
    maker.write(&folder.join(".caché"), b"un fichier cach\xc3\xa9\n")?;
    maker.write(&folder.join("L'été d'Éloïsie – notes & co (1).txt"), "notes inventées\n".as_bytes())?;
    maker.write(&folder.join("note cp1252.txt"), b"r\xe9sultats envoy\xe9s \xe0 l'h\xf4pital\r\n")?;
    if !cfg!(target_os = "macos") {
        // The same name in both Unicode forms: two files here, one on a Mac.
        maker.write(&folder.join("résumé.txt"), b"NFC\n")?;
        maker.write(&folder.join(decomposed("résumé.txt")), b"NFD\n")?;
    }
    fs::create_dir_all(maker.root.join(&folder).join("dossier vide"))?;
    hard_link(maker, &folder)?;
    if scale.sparse_bytes > 0 {
        sparse(maker, &folder, scale.sparse_bytes)?;
    }
    system::write(maker, &folder)
}

fn hard_link(maker: &mut Maker, folder: &Path) -> Result<()> {
    let (first, second) = (folder.join("modèle d'ordonnance.txt"), folder.join("modèle (lien).txt"));
    let content = "Ordonnance type, données inventées.\n".as_bytes();
    maker.write(&first, content)?;
    fs::hard_link(maker.root.join(&first), maker.root.join(&second))?;
    maker.files += 1;
    maker.bytes += content.len() as u64;
    Ok(())
}

/// A file that is mostly a hole: a little data at its start, middle and end.
fn sparse(maker: &mut Maker, folder: &Path, length: u64) -> Result<()> {
    let mut file = File::create_new(maker.root.join(folder).join("image disque.vhd"))?;
    file.set_len(length)?;
    let mut block = [0; 512];
    for offset in [0, (length / 2) & !4095, length.saturating_sub(512)] {
        maker.random.fill(&mut block);
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&block)?;
    }
    let length = file.metadata()?.len();
    maker.finish(&file, length)
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    pub fn write(maker: &mut Maker, folder: &Path) -> Result<()> {
        let root = maker.root.join(folder);
        symlink("vide.txt", root.join("lien vers vide"))?;
        symlink("n'existe pas", root.join("lien brisé"))?;
        fs::set_permissions(root.join(".caché"), fs::Permissions::from_mode(0o600))?;
        not_utf8(maker, folder)
    }

    /// A name from an old Windows server, in cp1252. A Mac refuses such names.
    #[cfg(not(target_os = "macos"))]
    fn not_utf8(maker: &mut Maker, folder: &Path) -> Result<()> {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let name = OsStr::from_bytes(b"consultation d'\xe9t\xe9.txt");
        maker.write(&folder.join(name), b"nom en cp1252\n")
    }

    #[cfg(target_os = "macos")]
    fn not_utf8(_: &mut Maker, _: &Path) -> Result<()> {
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    pub fn write(_: &mut Maker, _: &Path) -> Result<()> {
        Ok(())
    }
}
