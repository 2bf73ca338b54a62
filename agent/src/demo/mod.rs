//! The demo: one command that lives a whole backup on invented data.
//!
//! `scelle-practice` makes the data; the acts of [`play`] use the same library as every other command, on a folder store.
//! Never: a shortcut past encryption or verification.

pub mod command;
mod compare;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use scelle_format::id::RepositoryId;
use scelle_format::kit::Kit;
use scelle_format::random::{OsRandom, Random as _};
use scelle_store::Store;
use scelle_store::probe::probe;

use scelle_core::around::Around;
use scelle_core::bilan::run::save_probe;
use scelle_core::bilan::{Declared, Written, load};
use scelle_core::connect::{Connection, Create, Engine};
use scelle_core::connect::{RepoAddress, S3Settings};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::pipeline::checkpoint::CheckpointEvery;
use scelle_core::reading::fetch::Fetcher;
use scelle_core::reading::tree::Tree;
use scelle_core::repo::create::Creation;
use scelle_core::repo::keyring::Unlock;
use scelle_core::repo::open::{OpenOptions, Repository};
use scelle_core::repo::seat::Seat;
use scelle_core::repo::state::State;
use scelle_core::repo::unfinished::Unfinished;
use scelle_core::restore::request::{Request as RestoreRequest, Target};
use scelle_core::restore::run::restore;
use scelle_core::restore::write::Overwrite;
use scelle_core::run::{Request, Run, Summary};
use scelle_core::scan::Filter;
use scelle_core::verify::{CheckOptions, ReadData, check};
use scelle_view::bilingual;
use scelle_view::pages::text::page;
use scelle_view::words::Lang;
use scelle_view::words::Message;
use scelle_view::words::figures::{count, size};

use self::compare::{Comparison, compare, copy_tree};
use crate::cli::commands::kit::{language, write_private};
use crate::cli::secrets;
use scelle_practice::Scale;

/// The practice is the same at every demo.
const SEED: u64 = 20_261_121;

/// What the demo needs from outside.
pub struct Stage<'a> {
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
pub async fn play(stage: &Stage<'_>) -> Result<Played> {
    let (lang, say) = (stage.lang, stage.say);
    let places = Places::below(stage.folder)?;
    let made = scelle_practice::build(&places.practice, SEED, Scale::default()).map_err(AgentError::bug)?;
    let (files, bytes) = (count(made.files, lang), size(made.bytes, lang));
    say(&bilingual!(
        "1. Cabinet inventé : {files} fichiers, {bytes}, une base ouverte par son logiciel",
        "1. Invented practice: {files} files, {bytes}, a database held open by its application"
    ));

    let scene = Scene::set(stage, &places).await?;
    let id = &scene.run.seat.device.repository;
    say(&bilingual!(
        "2. Dépôt chiffré créé ({id}), kit de récupération relu ; le poste ne garde que des clés publiques",
        "2. Encrypted repository made ({id}), recovery kit read back; the computer keeps public keys only"
    ));

    let first = scene.backup(&places).await?;
    say(&bilingual!("3. Première sauvegarde : {text}", "3. First backup: {text}", text = told(&first, lang)));
    copy_tree(&places.practice, &places.morning)?;

    let mut live = made.writer;
    live.update(50).map_err(AgentError::bug)?;
    let day = scelle_practice::working_day(&places.practice, SEED, 1).map_err(AgentError::bug)?;
    let (edited, deleted, renamed) = (day.edited, day.deleted, day.renamed);
    say(&bilingual!(
        "4. Une journée de travail : {edited} fichiers modifiés, {deleted} supprimés, {renamed} renommés",
        "4. A working day: {edited} files edited, {deleted} deleted, {renamed} renamed"
    ));

    let second = scene.backup(&places).await?;
    say(&bilingual!(
        "5. Deuxième sauvegarde : {text}",
        "5. Second backup: {text}",
        text = told(&second, lang)
    ));

    let repository = check_and_page(stage, &scene, &places, &second.1).await?;
    let total = restore_both(stage, &scene, &places, &repository).await?;
    Ok(Played { identical: total.is_identical(), files: total.files, bytes: total.bytes })
}

/// Acts 6 and 7: everything is read back, and the bilan shown.
async fn check_and_page(
    stage: &Stage<'_>,
    scene: &Scene,
    places: &Places,
    written: &Written,
) -> Result<Repository> {
    let (lang, say) = (stage.lang, stage.say);
    let mut repository = scene.open(&scene.kit).await?;
    let options = CheckOptions { read_data: ReadData::All, local_head: None, trees: 2 };
    let report = check(&mut repository, &options, &*stage.around.monitor, &stage.around.shutdown).await?;
    if report.code() != ExitCode::Ok {
        return Err(AgentError::damage_found(report.findings.len() as u64));
    }
    let (packs, read) = (report.packs_read, size(report.bytes_read, lang));
    say(&bilingual!(
        "6. Vérification : {packs} paquets relus et déchiffrés ({read}), signatures et chaîne intactes",
        "6. Verification: {packs} packs read back and decrypted ({read}), signatures and chain sound"
    ));

    repository.load_history().await?;
    let loaded = load(&repository.objects, &repository.history, None, "latest").await?;
    std::fs::write(&places.bilan, page(&loaded.record, &loaded.id, lang))?;
    let status = scelle_view::pages::text::status_word(written.status, lang);
    say(&bilingual!("7. Bilan signé : {status}", "7. Signed bilan: {status}"));
    Ok(repository)
}

/// The last acts: both versions are restored and compared.
async fn restore_both(
    stage: &Stage<'_>,
    scene: &Scene,
    places: &Places,
    repository: &Repository,
) -> Result<Comparison> {
    let (lang, say) = (stage.lang, stage.say);
    let mut total = Comparison::default();
    for (number, expected, restored) in
        [(1, &places.morning, &places.first), (2, &places.practice, &places.second)]
    {
        let result = scene.restore_and_compare(repository, number, expected, restored, stage).await?;
        let (files, bytes) = (count(result.files, lang), size(result.bytes, lang));
        let verdict = match result.is_identical() {
            true => lang.pick("identique octet par octet", "identical byte for byte"),
            false => lang.pick("DIFFÉRENT", "DIFFERENT"),
        };
        let act = 7 + number;
        say(&bilingual!(
            "{act}. Version {number} restaurée ailleurs : {files} fichiers, {bytes}, {verdict} ; base saine",
            "{act}. Version {number} restored elsewhere: {files} files, {bytes}, {verdict}; database sound"
        ));
        total.add(&result);
    }
    Ok(total)
}

fn told((summary, _): &(Summary, Written), lang: Lang) -> String {
    let changes = summary.outcome.changes;
    let (new, changed, removed) =
        (count(changes.new, lang), count(changes.changed, lang), count(changes.removed, lang));
    let (read, stored) =
        (size(summary.outcome.read_bytes, lang), size(summary.outcome.committed.stored_bytes, lang));
    let seconds = scelle_view::words::figures::duration(summary.duration, lang);
    match lang {
        Lang::Fr => format!(
            "{new} nouveaux, {changed} modifiés, {removed} disparus ; {read} lus, {stored} envoyés, {seconds}"
        ),
        Lang::En => {
            format!("{new} new, {changed} changed, {removed} removed; {read} read, {stored} sent, {seconds}")
        }
    }
}

/// Folders of the demo.
struct Places {
    practice: PathBuf,
    morning: PathBuf,
    store: PathBuf,
    home: PathBuf,
    kit: PathBuf,
    bilan: PathBuf,
    first: PathBuf,
    second: PathBuf,
}

impl Places {
    fn below(folder: &Path) -> Result<Self> {
        let at = |name: &str| folder.join(name);
        let places = Self {
            practice: at("cabinet"),
            morning: at("cabinet-ce-matin"),
            store: at("depot"),
            home: at("etat-du-poste"),
            kit: at("kit-de-recuperation.txt"),
            bilan: at("bilan.txt"),
            first: at("restauration-version-1"),
            second: at("restauration-version-2"),
        };
        std::fs::create_dir_all(&places.home)?;
        Ok(places)
    }
}

/// The repository of the demo, with its device.
struct Scene {
    kit: PathBuf,
    store: Arc<dyn Store>,
    run: Run,
}

impl Scene {
    async fn set(stage: &Stage<'_>, places: &Places) -> Result<Self> {
        let s3 = S3Settings::default();
        let connection = Connection {
            s3: &s3,
            upload_bytes_per_second: None,
            engine: Engine { conditional_put: true, read_back: false },
            around: &stage.around,
        };
        let address = RepoAddress::Folder(places.store.clone());
        let connected = connection.open(&address, Create::Folder).await?;
        let kit = Kit::generate(&mut OsRandom).map_err(AgentError::bug)?;
        let text = kit.to_file_text(language(stage.lang), "");
        write_private(&places.kit, &text)?;
        let repository = RepositoryId::parse(&kit.repository).map_err(AgentError::bug)?;
        let state = State::open(&places.home, &repository)?;
        let public = kit.public().map_err(AgentError::bug)?;
        let creation = Creation {
            public: &public,
            kit: Some(&kit),
            phrase: None,
            escrows: &[],
            place: connected.place.clone(),
        };
        let store = connected.store.clone();
        let seat = Seat::create(state, store.clone(), None, &creation, &stage.around).await?;
        Unfinished::finish(&seat.state);
        let mut nonce = [0; 8];
        OsRandom.fill(&mut nonce);
        let probed = probe(&*connected.bare, &hex::encode(nonce), stage.around.clock.now()).await?;
        save_probe(&seat.state, &probed)?;
        let scene = Self { kit: places.kit.clone(), store, run: Run::open(seat).await? };
        // The kit is read back from its file: if it does not open the repository, the demo ends here.
        scene.open(&scene.kit).await?;
        Ok(scene)
    }

    async fn open(&self, kit: &Path) -> Result<Repository> {
        let kit = secrets::read_kit(kit)?;
        let unlock = Some(Unlock::Kit(kit));
        let options = OpenOptions { unlock, whole_ledger: true, ..OpenOptions::default() };
        Repository::open(self.store.clone(), options).await
    }

    async fn backup(&self, places: &Places) -> Result<(Summary, Written)> {
        let request = Request {
            roots: vec![std::path::absolute(&places.practice)?],
            exclude: Vec::new(),
            own_folders: vec![places.home.clone(), places.store.clone()],
            threads: 0,
            checkpoints: CheckpointEvery::default(),
        };
        let mut pen = self.run.pen().await?;
        self.run.backup(&mut pen, request, Declared::default()).await
    }

    async fn restore_and_compare(
        &self,
        repository: &Repository,
        number: u64,
        expected: &Path,
        restored: &Path,
        stage: &Stage<'_>,
    ) -> Result<Comparison> {
        let snapshots = repository.history.snapshots();
        let snapshot =
            snapshots.iter().find(|s| s.id.number == number).ok_or_else(AgentError::snapshot_not_found)?;
        let keyring = repository.keyring()?.clone();
        let fetcher = Fetcher::new(repository.objects.clone(), keyring, Some(repository.descriptors.clone()));
        let tree = Tree::open(&fetcher, snapshot).await?;
        let root = tree.root.roots.first().map(|root| root.path.clone()).unwrap_or_default();
        let request = RestoreRequest {
            target: Target::Folder(restored.to_owned()),
            paths: Vec::new(),
            filter: Filter::default(),
            has_includes: false,
            overwrite: Overwrite::Never,
            aside: "mis de côté".to_owned(),
        };
        let Around { monitor, shutdown, .. } = stage.around.clone();
        let summary = restore(Arc::new(tree), request, monitor, shutdown).await?;
        if summary.code() != ExitCode::Ok {
            return Err(AgentError::finished_with_problems(summary.problems.len() as u64));
        }
        let below = restored.join(scelle_core::platform::bytes_to_os(&root)?);
        Ok(compare(expected, &below)?)
    }
}
