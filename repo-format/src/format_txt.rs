//! `FORMAT.txt`: the signpost at the top of a repository (FORMAT.md §2).
//!
//! For: people who find a repository without a program, and programs that must stop at a version they do not
//! know. Data comes as the object's bytes. Never: a source of trust; the signed descriptor says the same and wins.

use crate::error::{FormatError, Result, malformed};
use crate::id::{RepositoryId, parse_decimal};
use crate::limits::{KEY_FILE_MAX_BYTES, VERSION};
use crate::text::{Lines, features, required_features, show_features};

const WHAT: &str = "FORMAT.txt";

/// How to read a repository by hand: French, then English.
const BY_HAND: &str = "\
FR - Ce dossier est une sauvegarde Scellé, chiffrée sur le poste avant l'envoi.
Personne ne peut la lire sans le kit de secours (papier) ou la phrase du quotidien.
Rien ici n'est jamais remplacé ; le nom d'un objet est le SHA-256 de ses octets.
Pour restaurer : le programme scelle et le kit de secours. Sans ce programme, à la main :
il faut age >= 1.3 (age-encryption.org), zstd et jq ; KIT est un fichier texte qui contient
la ligne AGE-SECRET-KEY-PQ-1... du kit.

EN - This folder is a Scellé backup, encrypted on the PC before it left.
Nobody can read it without the paper recovery kit or the everyday phrase.
Nothing here is ever replaced; the name of an object is the SHA-256 of its bytes.
To restore: the program scelle and the kit. Without that program, by hand:
you need age >= 1.3 (age-encryption.org), zstd and jq; KIT is a text file that holds
the line AGE-SECRET-KEY-PQ-1... of the kit.

1. age -d -i KIT keys/e0/00000001.age > e0.key
2. age -d -i e0.key a/12/12ab... | zstd -dc | jq .
3. age -d -i e0.key m/e0/34/34cd... | zstd -dc
4. age -d -i e0.key p/e0/ab/abcd... | zstd -dc > content.bin
5. sha256sum p/e0/ab/abcd...

FR - 1 ouvre la clé d'une époque. 2 ouvre la racine d'un instantané : son nom est sur la ligne
\"attach root\" d'un fichier c/*/*.note. 3 montre la liste des fichiers (un objet JSON par ligne).
4 montre le contenu : chaque fichier dit dans quels paquets, et où, ses morceaux se trouvent.
5 contrôle un objet sans aucune clé. La spécification complète est FORMAT.md, jointe au programme.

EN - 1 opens the key of an epoch. 2 opens the root of a snapshot: its name is on the line
\"attach root\" of a file c/*/*.note. 3 shows the list of files (one JSON object a line).
4 shows content: each file says in which packs, and where, its chunks are.
5 checks an object without any key. The full specification is FORMAT.md, shipped with the program.
";

/// The content of `FORMAT.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatTxt {
    /// Name of the repository.
    pub repository: RepositoryId,
    /// Features a reader must know.
    pub required: Vec<String>,
    /// Features a reader may ignore.
    pub optional: Vec<String>,
    /// Free text after the empty line.
    pub text: String,
}

impl FormatTxt {
    /// What a new repository of version 1 says, with the by-hand text.
    pub fn new(repository: RepositoryId) -> Self {
        Self { repository, required: Vec::new(), optional: Vec::new(), text: BY_HAND.to_owned() }
    }

    /// The bytes to store.
    pub fn to_text(&self) -> Result<String> {
        let text = self.render();
        if Self::parse(text.as_bytes())? == *self {
            Ok(text)
        } else {
            Err(malformed(WHAT, "cannot be written"))
        }
    }

    /// Reads stored bytes. A version or required feature that is not known is named in the error.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > KEY_FILE_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(WHAT, "not UTF-8"))?;
        let (head, free) = text.split_once("\n\n").ok_or(FormatError::Truncated { what: WHAT })?;
        let head = format!("{head}\n");
        let mut lines = Lines::open(WHAT, &head, KEY_FILE_MAX_BYTES)?;
        if lines.take()? != "scelle repository" {
            return Err(FormatError::BadMagic { what: WHAT });
        }
        let version = parse_decimal(lines.field("version")?).ok_or(malformed(WHAT, "version"))?;
        if version != u64::from(VERSION) {
            return Err(FormatError::Unsupported { what: WHAT, found: format!("version {version}") });
        }
        let repository = RepositoryId::parse(lines.field("repository")?)?;
        let required = required_features(WHAT, lines.field("required")?)?;
        let optional = features(WHAT, lines.field("optional")?)?;
        lines.end()?;
        Ok(Self { repository, required, optional, text: free.to_owned() })
    }

    fn render(&self) -> String {
        format!(
            "scelle repository\nversion {VERSION}\nrepository {}\nrequired {}\noptional {}\n\n{}",
            self.repository,
            show_features(&self.required),
            show_features(&self.optional),
            self.text
        )
    }
}
