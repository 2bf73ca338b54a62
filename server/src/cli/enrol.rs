//! `token`: a file that a computer exchanges, once, for its credential.

use std::io::Write as _;
use std::path::Path;

use scelle_server::vault::http::enrol::PATH;
use scelle_server::vault::http::serve::is_loopback_url;
use scelle_server::vault::metadata::Metadata;
use scelle_server::vault::metadata::enrolments::{self, Offer};
use scelle_server::vault::{clock, platform};
use serde_json::json;

use super::outcome::{Failure, Outcome, print_json};

pub(super) fn token(data: &Path, offer: Offer, hours: u32, out: &Path) -> Outcome {
    if !offer.endpoint.starts_with("https://") && !is_loopback_url(&offer.endpoint) {
        return Err(Failure::new(
            2,
            "--endpoint : https:// (en clair, seulement 127.0.0.1)",
            "--endpoint: https:// (clear text on 127.0.0.1 only)",
        ));
    }
    let url = format!("{}{PATH}", offer.endpoint.trim_end_matches('/'));
    let expires_ms = clock::now_ms() + i64::from(hours) * 3_600_000;
    // The file first: a token that nobody has is better than one that cannot be handed over.
    let mut file = platform::private_file().write(true).create_new(true).open(out).map_err(|_| {
        Failure::new(
            1,
            "--out : le fichier existe déjà ou ne peut être créé",
            "--out: the file exists or cannot be made",
        )
    })?;
    let metadata = Metadata::open(data)?;
    let made = metadata.write_blocking(move |c| enrolments::add(c, &offer, expires_ms));
    let written = made.map_err(Failure::from).and_then(|token| {
        let document = json!({
            "scelle_enrolment": 1,
            "url": url,
            "token": *token,
            "expires": clock::text(expires_ms),
        });
        file.write_all(document.to_string().as_bytes())?;
        Ok(file.sync_all()?)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(out);
    }
    written?;
    print_json(&json!({ "expires": clock::text(expires_ms) }))
}
