//! `scelle bilan`: reports, shown, exported and verified.
//!
//! From a [`Reading`] (`verify`: from a file alone) to the screen or a new file. Never: decides a colour.

use super::look::path_json;
use super::plans::{self, Plans};
use super::reading::{Depth, KeyNeed, Reading, open};
use super::told;
use crate::cli::args::{Bilan, BilanExport, BilanFormat, BilanVerify, BilanWhois, KeyArgs};
use crate::cli::context::Context;
use scelle_core::bilan::verify::read_file;
use scelle_core::bilan::{Anchor, verify};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::repo::state::new_file::write_new;
use scelle_view::bilingual;
use scelle_view::pages::text::{moment, page, status_word};
use scelle_view::words::terms;

/// Runs `bilan …`.
pub async fn run(context: &Context, command: Bilan) -> Result<ExitCode> {
    match command {
        Bilan::List => list(context).await,
        Bilan::Show(args) => show(context, &args.id).await,
        Bilan::Verify(args) => verify_file(context, &args),
        Bilan::Export(args) => export_file(context, args).await,
        Bilan::Whois(args) => who(context, args).await,
        Bilan::Acknowledge(args) => super::acknowledge::run(context, args).await,
    }
}

/// The whole ledger; while the store is away, as far as this computer has copies of it.
async fn ledger(context: &Context) -> Result<Reading> {
    let why = match open(context, &KeyArgs::default(), KeyNeed::Optional, Depth::WholeAndKept).await {
        Ok(reading) => return Ok(reading),
        Err(error) => error,
    };
    let reading = context.finder(None).from_copies(why.clone()).await?;
    context.screen.warn(&why.what());
    context.screen.warn(&bilingual!(
        "bilans d'après les copies de ce poste ; de plus récents, et ceux d'autres postes, peuvent manquer",
        "bilans from the copies on this computer; newer ones, and those of other computers, may be missing"
    ));
    Ok(reading)
}

async fn list(context: &Context) -> Result<ExitCode> {
    let reading = ledger(context).await?;
    let mut rows = reading.bilans();
    let labels = Plans::of(context, &reading);
    rows.iter_mut().for_each(|row| row.plan = row.set.as_deref().and_then(|set| labels.label(set)));
    let lang = context.lang();
    let headings = vec![
        bilingual!("bilan", "bilan"),
        bilingual!("type", "kind"),
        bilingual!("date", "date"),
        bilingual!("état", "status"),
        bilingual!("instantané", "snapshot"),
    ];
    let lines = rows.iter().map(|row| {
        let cells = vec![
            row.id.clone(),
            terms::run(&row.kind, lang).to_owned(),
            moment(row.time, lang),
            status_word(row.status, lang),
            row.snapshot.map_or_else(|| "-".to_owned(), |n| n.to_string()),
        ];
        (cells, row.plan.clone())
    });
    context.screen.table(&plans::table(headings, lines));
    context.screen.json(&rows);
    Ok(ExitCode::Ok)
}

async fn show(context: &Context, id: &str) -> Result<ExitCode> {
    let loaded = ledger(context).await?.bilan(id).await?;
    for line in page(&loaded.record, &loaded.id, context.lang()).lines() {
        context.screen.line(line);
    }
    context.screen.json(&serde_json::json!({"id": loaded.id, "record": loaded.record}));
    Ok(ExitCode::Ok)
}

async fn export_file(context: &Context, args: BilanExport) -> Result<ExitCode> {
    if args.format != BilanFormat::Json {
        return Err(AgentError::not_in_this_version("bilan export --format"));
    }
    let reading = ledger(context).await?;
    let loaded = reading.bilan(&args.id).await?;
    let bytes = reading.bilan_file(&loaded).await?;
    write_new(&args.out, &bytes, false)?;
    let id = &loaded.id;
    context.screen.say(&bilingual!(
        "Bilan {id} exporté ; « scelle bilan verify FICHIER » le contrôle sans réseau",
        "Bilan {id} exported; \"scelle bilan verify FILE\" checks it without network"
    ));
    context.screen.json(&serde_json::json!({"id": loaded.id, "bytes": bytes.len()}));
    Ok(ExitCode::Ok)
}

fn verify_file(context: &Context, args: &BilanVerify) -> Result<ExitCode> {
    let bytes = read_file(&args.file)?;
    let anchor = match &args.owner {
        Some(typed) => Some(typed.clone()),
        None => local_anchor(context),
    };
    let verdict = verify(&bytes, anchor.as_ref());
    context.screen.say(&told::bilan::sentence(&verdict));
    context.screen.json(&verdict);
    Ok(verdict.exit_code())
}

/// What this PC vouches for, when it knows exactly one repository or the one that was named.
fn local_anchor(context: &Context) -> Option<Anchor> {
    context.known_offline().map(|known| Anchor::of(&known.device))
}

async fn who(context: &Context, args: BilanWhois) -> Result<ExitCode> {
    let mut reading = open(context, &args.key, KeyNeed::Required, Depth::Newest).await?;
    let path = reading.name_of(&args.token).await?;
    context.screen.line(&path.to_screen());
    context.screen.json(&serde_json::json!({"token": args.token, "path": path_json(&path)}));
    Ok(ExitCode::Ok)
}
