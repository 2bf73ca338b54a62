//! The demo: one command that lives a whole backup on invented data.
//!
//! `scelle-practice` makes the data; in the acts of [`play`] a repository is made as `init` makes one, saved to as `backup` does,
//! and opened with the kit as every command that reads does, on a folder store.
//! Never: a shortcut past encryption or verification.

pub mod command;
mod compare;

use std::path::{Path, PathBuf};

use scelle_format::id::RepositoryId;
use scelle_format::kit::Kit;

use scelle_core::around::Around;
use scelle_core::bilan::Written;
use scelle_core::connect::{Create, RepoAddress, S3Settings};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::look::spec::SnapshotSpec;
use scelle_core::repo::create::Holders;
use scelle_core::repo::keys::keyring::Unlock;
use scelle_core::repo::state::new_file::write_private;
use scelle_core::restore::request::{RestoreRequest, Target};
use scelle_core::restore::write::Overwrite;
use scelle_core::run::{BackupRequest, Depth, Finder, Founding, Reading, Run, Summary};
use scelle_core::scan::PathFilter;
use scelle_core::verify::ReadData;
use scelle_view::bilingual;
use scelle_view::pages::text::page;
use scelle_view::words::figures::{duration, size};
use scelle_view::words::{Lang, Message, counted};

use self::compare::{Comparison, compare, copy_tree};
use crate::cli::paper::language;
use crate::cli::secrets;
use scelle_practice::Scale;

/// The practice is the same at every demo.
const SEED: u64 = 20_261_121;

/// What the demo needs from outside.
pub struct Outside<'a> {
    /// A new, empty folder for everything.
    pub folder: &'a Path,
    /// Language of what is said.
    pub lang: Lang,
    /// Time, and whether to stop.
    pub around: Around,
    /// Says one line per act.
    pub say: &'a (dyn Fn(&Message) + Sync),
}

/// What the demo proved.
pub struct Played {
    /// Both restored versions were equal, byte for byte.
    pub identical: bool,
    /// Files compared over both versions.
    pub files: u64,
    /// Bytes compared.
    pub bytes: u64,
}

/// Plays all acts.
pub async fn play(outside: &Outside<'_>) -> Result<Played> {
    let (lang, say) = (outside.lang, outside.say);
    let places = DemoFolders::below(outside.folder)?;
    let made = scelle_practice::build(&places.practice, SEED, Scale::default()).map_err(AgentError::bug)?;
    let bytes = size(made.bytes, lang);
    say(&bilingual!(
        "1. Cabinet inventé : {files}, {bytes}, une base ouverte par son logiciel",
        "1. Invented practice: {files}, {bytes}, a database held open by its application",
        files = counted(made.files, "# fichier[s]", "# file[s]"),
    ));

    let scene = Scene::set(outside, &places).await?;
    let id = &scene.repository;
    say(&bilingual!(
        "2. Dépôt chiffré créé ({id}), kit de secours relu ; aucune clé gardée par le poste n'ouvre les sauvegardes",
        "2. Encrypted repository made ({id}), recovery kit read back; no key that the computer keeps opens the backups"
    ));

    let first = scene.backup().await?;
    say(&bilingual!("3. Première sauvegarde : {text}", "3. First backup: {text}", text = told(&first)));
    copy_tree(&places.practice, &places.morning)?;

    let mut live = made.writer;
    live.update(50).map_err(AgentError::bug)?;
    let day = scelle_practice::working_day(&places.practice, SEED, 1).map_err(AgentError::bug)?;
    say(&bilingual!(
        "4. Une journée de travail : {edited}, {deleted}, {renamed}",
        "4. A working day: {edited}, {deleted}, {renamed}",
        edited = counted(day.edited, "# fichier[s] modifié[s]", "# file[s] edited"),
        deleted = counted(day.deleted, "# supprimé[s]", "# deleted"),
        renamed = counted(day.renamed, "# renommé[s]", "# renamed"),
    ));

    let second = scene.backup().await?;
    say(&bilingual!("5. Deuxième sauvegarde : {text}", "5. Second backup: {text}", text = told(&second)));

    let mut reading = scene.read().await?;
    check_and_page(outside, &mut reading, &places, &second.1).await?;
    let total = restore_both(outside, &mut reading, &places).await?;
    Ok(Played { identical: total.is_identical(), files: total.files, bytes: total.bytes })
}

/// Acts 6 and 7: everything is read back, and the bilan shown.
async fn check_and_page(
    outside: &Outside<'_>,
    reading: &mut Reading,
    places: &DemoFolders,
    written: &Written,
) -> Result<()> {
    let (lang, say) = (outside.lang, outside.say);
    let report = reading.check(ReadData::All).await?;
    if report.code() != ExitCode::Ok {
        return Err(AgentError::damage_found(report.findings.len() as u64));
    }
    let read = size(report.bytes_read, lang);
    say(&bilingual!(
        "6. Vérification : {packs} ({read}), signatures et chaîne intactes",
        "6. Verification: {packs} ({read}), signatures and chain sound",
        packs = counted(
            report.packs_read,
            "# paquet[s] relu[s] et déchiffré[s]",
            "# pack[s] read back and decrypted"
        ),
    ));

    let loaded = reading.bilan("latest").await?;
    std::fs::write(&places.bilan, page(&loaded.record, &loaded.id, lang))?;
    let status = scelle_view::pages::text::status_word(written.status, lang);
    say(&bilingual!("7. Bilan signé : {status}", "7. Signed bilan: {status}"));
    Ok(())
}

/// The last acts: both versions are restored and compared.
async fn restore_both(
    outside: &Outside<'_>,
    reading: &mut Reading,
    places: &DemoFolders,
) -> Result<Comparison> {
    let (lang, say) = (outside.lang, outside.say);
    let mut total = Comparison::default();
    for (number, expected, restored) in
        [(1, &places.morning, &places.first), (2, &places.practice, &places.second)]
    {
        let result = restore_and_compare(reading, number, expected, restored).await?;
        let bytes = size(result.bytes, lang);
        let verdict = match result.is_identical() {
            true => {
                lang.pick("identique octet par octet, base saine", "identical byte for byte, database sound")
            }
            false => lang.pick("DIFFÉRENT", "DIFFERENT"),
        };
        let act = 7 + number;
        say(&bilingual!(
            "{act}. Version {number} restaurée ailleurs : {files}, {bytes}, {verdict}",
            "{act}. Version {number} restored elsewhere: {files}, {bytes}, {verdict}",
            files = counted(result.files, "# fichier[s]", "# file[s]"),
        ));
        total.add(&result);
    }
    Ok(total)
}

fn told((summary, _): &(Summary, Written)) -> Message {
    let changes = summary.saved.gathered.changes;
    let bytes = |bytes| Message::by(|lang| size(bytes, lang));
    bilingual!(
        "{new}, {changed}, {removed} ; lu : {read}, envoyé : {stored}, {took}",
        "{new}, {changed}, {removed}; read: {read}, sent: {stored}, {took}",
        new = counted(changes.new, "# nouveau[x]", "# new"),
        changed = counted(changes.changed, "# modifié[s]", "# changed"),
        removed = counted(changes.removed, "# disparu[s]", "# removed"),
        read = bytes(summary.saved.gathered.read_bytes),
        stored = bytes(summary.saved.committed.stored_bytes),
        took = Message::by(|lang| duration(summary.duration, lang)),
    )
}

/// Folders of the demo.
struct DemoFolders {
    s3: S3Settings,
    practice: PathBuf,
    morning: PathBuf,
    store: PathBuf,
    home: PathBuf,
    kit: PathBuf,
    bilan: PathBuf,
    first: PathBuf,
    second: PathBuf,
}

impl DemoFolders {
    fn below(folder: &Path) -> Result<Self> {
        let at = |name: &str| folder.join(name);
        let places = Self {
            s3: S3Settings::default(),
            practice: at("cabinet"),
            morning: at("cabinet-ce-matin"),
            store: at("depot"),
            home: at("etat-du-poste"),
            kit: at("kit-de-secours.txt"),
            bilan: at("bilan.txt"),
            first: at("restauration-version-1"),
            second: at("restauration-version-2"),
        };
        std::fs::create_dir_all(&places.home)?;
        Ok(places)
    }
}

/// The repository of the demo, with its device.
struct Scene<'a> {
    places: &'a DemoFolders,
    address: RepoAddress,
    around: &'a Around,
    repository: RepositoryId,
}

impl<'a> Scene<'a> {
    /// The repository is made as `init` makes one.
    async fn set(outside: &'a Outside<'_>, places: &'a DemoFolders) -> Result<Self> {
        let kit = Kit::generate(&mut outside.around.random()).map_err(AgentError::bug)?;
        write_private(&places.kit, &kit.to_file_text(language(outside.lang), ""))?;
        let public = kit.public().map_err(AgentError::bug)?;
        let address = RepoAddress::Folder(places.store.clone());
        let finder = finder(places, &address, &outside.around);
        let founding = Founding::begin(finder, None, Create::Folder).await?;
        let trial = founding.probe().await?;
        let tried = founding.accept(&trial).await?;
        let holders = Holders { public: &public, kit: Some(&kit), phrase: None, escrows: &[] };
        let founded = tried.make(holders).await?;
        // The kit is read back from its file: if it does not open the repository, the demo ends here.
        founded.expect_opened_by(&secrets::read_kit(&places.kit)?).await?;
        let repository = founded.finish().device.repository;
        Ok(Self { places, address, around: &outside.around, repository })
    }

    /// Opens the repository with the kit, as every command that reads does.
    async fn read(&self) -> Result<Reading> {
        let found = finder(self.places, &self.address, self.around).find(None).await?;
        let unlock = Unlock::Kit(secrets::read_kit(&self.places.kit)?);
        Reading::open(found, Some(unlock), Depth::Whole).await
    }

    async fn backup(&self) -> Result<(Summary, Written)> {
        let request = BackupRequest::new(std::slice::from_ref(&self.places.practice), Vec::new())?;
        Run::only(&finder(self.places, &self.address, self.around), request).await?.whole()
    }
}

/// The demo's own folders, and nothing that is configured on this computer.
fn finder<'a>(places: &'a DemoFolders, address: &'a RepoAddress, around: &'a Around) -> Finder<'a> {
    Finder {
        home: &places.home,
        address: Some(address),
        is_typed: true,
        s3: &places.s3,
        upload_bytes_per_second: None,
        around,
    }
}

async fn restore_and_compare(
    reading: &mut Reading,
    number: u64,
    expected: &Path,
    restored: &Path,
) -> Result<Comparison> {
    let (snapshot, tree) = reading.tree(&SnapshotSpec::Number { device: None, number }).await?;
    let root = tree.root.roots.first().map(|root| root.path.clone()).unwrap_or_default();
    let request = RestoreRequest {
        target: Target::Folder(restored.to_owned()),
        paths: Vec::new(),
        filter: PathFilter::default(),
        has_includes: false,
        overwrite: Overwrite::Never,
        aside: "mis de côté".to_owned(),
    };
    let done = reading.restore(&snapshot, tree, request).await?;
    if done.code() != ExitCode::Ok {
        return Err(AgentError::finished_with_problems(done.summary.problems.len() as u64));
    }
    let below = restored.join(scelle_core::platform::bytes_to_os(&root)?);
    Ok(compare(expected, &below)?)
}
