//! What is wrong with an object, in words; the object's key stands behind them.
//!
//! From the typed values of [`scelle_core::repo::finding`] to text; documents and records have the code instead. Never: a name.

use scelle_core::repo::finding::FindingKind;
use scelle_view::bilingual;
use scelle_view::words::Message;

/// What is wrong.
pub fn finding(kind: FindingKind) -> Message {
    match kind {
        FindingKind::FormatMissing => bilingual!("fichier absent", "file missing"),
        FindingKind::FormatDiffers => bilingual!(
            "fichier qui ne dit pas ce que dit le descripteur signé",
            "file that does not say what the signed descriptor says"
        ),
        FindingKind::DescriptorMissing => bilingual!("descripteur absent", "descriptor missing"),
        FindingKind::DescriptorInvalid => bilingual!("descripteur non valable", "descriptor not valid"),
        FindingKind::DescriptorRollback => bilingual!(
            "descripteur plus ancien que celui déjà vu, ou d'un autre texte",
            "descriptor older than the one already seen, or of another text"
        ),
        FindingKind::NoteMalformed => bilingual!("ce n'est pas une note du journal", "no note of the ledger"),
        FindingKind::NoteHash => bilingual!("note altérée", "note altered"),
        FindingKind::NoteSignature => {
            bilingual!("note sans signature valable", "note without a valid signature")
        }
        FindingKind::NoteDevice => bilingual!(
            "note d'un poste révoqué ou jamais inscrit",
            "note of a computer that was revoked or never enrolled"
        ),
        FindingKind::NoteMissing => bilingual!("note absente", "note missing"),
        FindingKind::NoteChain => {
            bilingual!("note qui ne suit pas la précédente", "note that does not follow the one before it")
        }
        FindingKind::Fork => bilingual!("deux notes de même numéro", "two notes of one number"),
        FindingKind::Rollback => bilingual!(
            "le stockage montre moins que ce qui a déjà été vu",
            "the store shows less than was already seen"
        ),
        FindingKind::AttachmentMissing => bilingual!("pièce jointe absente", "attachment missing"),
        FindingKind::AttachmentHash => bilingual!("pièce jointe altérée", "attachment altered"),
        FindingKind::RefsBroken => {
            bilingual!("liste de paquets interrompue", "list of packs that cannot be followed")
        }
        FindingKind::PackMissing => bilingual!("paquet absent", "pack missing"),
        FindingKind::PackTruncated => {
            bilingual!("paquet d'une autre taille que prévu", "pack of another size than expected")
        }
        FindingKind::PackHash => bilingual!("paquet altéré", "pack altered"),
        FindingKind::PackContent => {
            bilingual!("paquet au contenu illisible", "pack whose content cannot be read")
        }
        FindingKind::ChunkMissing => bilingual!("morceau de fichier introuvable", "part of a file not found"),
        FindingKind::TreeBroken => bilingual!("liste de fichiers illisible", "list of files cannot be read"),
        FindingKind::Hidden => {
            bilingual!("objet masqué par un marqueur de suppression", "object hidden by a delete marker")
        }
        FindingKind::Overwritten => {
            bilingual!("objet recouvert par d'autres octets", "object overwritten with other bytes")
        }
        FindingKind::IndexMissing => bilingual!("index absent", "index missing"),
        FindingKind::IndexHash => bilingual!("index altéré", "index altered"),
        FindingKind::KeyMissing => bilingual!("fichier de clé absent", "key file missing"),
        FindingKind::KeyUnreadable => bilingual!(
            "fichier de clé que la clé donnée n'ouvre pas",
            "key file that the key given does not open"
        ),
        FindingKind::KeyForged => {
            bilingual!("fichier de clé qui contient une autre clé", "key file that holds another key")
        }
        FindingKind::KeyCopies => bilingual!("moins de trois copies", "fewer than three copies"),
    }
}
