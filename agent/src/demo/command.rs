//! `scelle demo`: everything at once, on invented data, without any configuration.
//!
//! From an empty folder to [`play`], and its result to the screen. Never: anything outside that folder.

use super::{Outside, play};
use crate::cli::args::Demo;
use crate::cli::context::Context;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_view::bilingual;
use scelle_view::words::counted;
use scelle_view::words::figures::size;

/// Runs `demo`.
pub async fn run(context: &Context, args: Demo) -> Result<ExitCode> {
    let (screen, lang) = (&context.screen, context.lang());
    let folder = match args.keep {
        Some(folder) => {
            std::fs::create_dir(&folder).map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => AgentError::file_exists(),
                _ => AgentError::io(&error),
            })?;
            std::path::absolute(folder)?
        }
        None => tempfile::Builder::new().prefix("scelle-demo-").tempdir()?.keep(),
    };
    let say = |message: &scelle_view::words::Message| {
        screen.say(message);
        screen.flush();
    };
    let outside = Outside { folder: &folder, lang, around: context.around.unwatched(), say: &say };
    let played = play(&outside).await?;
    if !played.identical {
        return Err(AgentError::damage_found(1));
    }
    let bytes = size(played.bytes, lang);
    let place = folder.display().to_string();
    screen.say(&bilingual!(
        "Réussi : {files}, {bytes}. Tout est à regarder dans {place}",
        "Done: {files}, {bytes}. Everything is there to look at in {place}",
        files = counted(played.files, "# fichier[s] comparé[s]", "# file[s] compared"),
    ));
    screen.say(&bilingual!(
        "  cabinet/ les données · depot/ ce que voit l'hébergeur · bilan.txt · restauration-version-1/ et -2/ · effacez le dossier quand vous voulez",
        "  cabinet/ the data · depot/ what the host sees · bilan.txt · restauration-version-1/ and -2/ · delete the folder when you like"
    ));
    screen.json(&serde_json::json!({
        "identical": played.identical,
        "files": played.files,
        "bytes": played.bytes,
        "folder": place,
    }));
    Ok(ExitCode::Ok)
}
