//! What each command does.

use std::io::Write as _;
use std::path::Path;

use scelle_server::vault::clock;
use scelle_server::vault::keys::{SealKey, TraceKey};
use scelle_server::vault::metadata::enrolments::Offer;
use scelle_server::vault::metadata::{Metadata, credentials};
use scelle_server::vault::trace::entry::{CSV_HEADER, csv_row, syslog_row};
use scelle_server::vault::trace::verify::{export, verify};
use serde_json::json;

use super::options::{Command, CredentialAction, TraceAction};
use super::outcome::{Failure, Outcome, print, print_json};
use super::{care, enrol, vault};

pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Vault(options) => vault::serve(options),
        Command::Credential { action } => credential(action),
        Command::Token { data, role, tenant, bucket, prefix, endpoint, region, hours, out } => {
            let offer = Offer { tenant, role, bucket, prefix, endpoint, region };
            enrol::token(&data.data, offer, hours, &out)
        }
        Command::Quota { data, tenant, gib } => {
            let metadata = Metadata::open(&data.data)?;
            let bytes = gib.map(|gib| gib.saturating_mul(1 << 30));
            Ok(metadata.write_blocking(move |c| credentials::set_quota(c, &tenant, bytes))?)
        }
        Command::Fsck { data, read_data, repair } => care::fsck(&data.data, read_data, repair),
        Command::Backup { data, to } => care::backup(&data.data, &to),
        Command::Rebuild { data, from } => care::rebuild(&data.data, from.as_deref()),
        Command::Trace { action } => trace(action),
    }
}

fn credential(action: CredentialAction) -> Outcome {
    match action {
        CredentialAction::Add { data, role, tenant, bucket, prefix, json } => {
            std::fs::create_dir_all(&data.data)?;
            let metadata = Metadata::open(&data.data)?;
            let key = SealKey::open(&data.data)?;
            let (credential, secret) = metadata.write_blocking(move |c| {
                credentials::add(c, &key, &tenant, role, bucket, prefix, clock::now_ms())
            })?;
            match json {
                true => print_json(&json!({
                    "access_key": credential.access_key,
                    "secret_key": *secret,
                    "tenant": credential.tenant,
                    "role": credential.role.name(),
                })),
                false => print(&format!("access_key {}\nsecret_key {}", credential.access_key, *secret)),
            }
        }
        CredentialAction::List { data, tenant } => {
            let metadata = Metadata::open(&data.data)?;
            let rows = metadata.read_blocking(|c| credentials::list(c, &tenant))?;
            let rows = rows.into_iter().map(|(credential, created_ms, revoked_ms)| {
                json!({
                    "access_key": credential.access_key,
                    "role": credential.role.name(),
                    "bucket": credential.bucket,
                    "prefix": credential.prefix,
                    "created": clock::text(created_ms),
                    "revoked": revoked_ms.map(clock::text),
                })
            });
            print_json(&rows.collect())
        }
        CredentialAction::Revoke { data, access_key } => {
            let metadata = Metadata::open(&data.data)?;
            let found =
                metadata.write_blocking(move |c| credentials::revoke(c, &access_key, clock::now_ms()))?;
            match found {
                true => Ok(()),
                false => Err(Failure::new(
                    1,
                    "aucun identifiant actif de ce nom ; voir `credential list`",
                    "no live credential of that name; see `credential list`",
                )),
            }
        }
    }
}

fn trace(action: TraceAction) -> Outcome {
    match action {
        TraceAction::Verify { data, tenant, known } => verify_trace(&data.data, &tenant, known.as_deref()),
        TraceAction::Export { data, tenant, format, after } => {
            let folder = chain(&data.data, &tenant)?;
            let public = TraceKey::open(&data.data)?.public();
            let mut out = std::io::stdout().lock();
            match format.as_str() {
                "csv" => out.write_all(CSV_HEADER.as_bytes())?,
                "jsonl" | "syslog" => {}
                _ => {
                    return Err(Failure::new(
                        2,
                        "format : jsonl, csv ou syslog",
                        "format: jsonl, csv or syslog",
                    ));
                }
            }
            export(&folder, &public, after, |line, raw| {
                let row = match format.as_str() {
                    "csv" => csv_row(line),
                    "syslog" => syslog_row(line, raw),
                    _ => format!("{raw}\n"),
                };
                out.write_all(row.as_bytes()).map(|()| true)
            })?;
            Ok(())
        }
    }
}

/// The folder of a tenant's chain; the name must be one, so that it stays below the data folder.
fn chain(data: &Path, tenant: &str) -> Result<std::path::PathBuf, Failure> {
    let folder = data.join("trace").join(tenant);
    let sound = tenant == scelle_server::vault::trace::NOBODY || credentials::is_tenant_name(tenant);
    if sound && folder.is_dir() {
        return Ok(folder);
    }
    Err(Failure::new(1, "aucune trace pour ce cabinet", "no trace of that tenant"))
}

fn verify_trace(data: &Path, tenant: &str, known: Option<&str>) -> Outcome {
    let known = match known {
        None => None,
        Some(text) => {
            let parsed = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash)));
            Some(parsed.ok_or_else(|| Failure::new(2, "--known NUMÉRO:EMPREINTE", "--known NUMBER:HASH"))?)
        }
    };
    let folder = chain(data, tenant)?;
    let public = TraceKey::open(data)?.public();
    match verify(&folder, &public, known) {
        Ok(whole) => print_json(&json!({
            "whole": true,
            "first": whole.first,
            "last": whole.last,
            "head": format!("{}:{}", whole.last, whole.head),
            "public_key": hex::encode(public),
        })),
        Err(fault) => {
            let broken = fault.here()?;
            print_json(&json!({ "whole": false, "entry": broken.sequence, "what": broken.what }))?;
            Err(Failure::new(
                13,
                format!("la trace a été modifiée : entrée {}", broken.sequence),
                format!("the trace was tampered with: {broken}"),
            ))
        }
    }
}
