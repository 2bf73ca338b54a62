//! `scelle-server vault`: opens the data folder, serves it, and ends in order.

use std::sync::Arc;

use scelle_server::vault::data::Options;
use scelle_server::vault::http::serve::{may_serve_clear_text, serve as serve_connections};
use scelle_server::vault::http::service::Service;
use scelle_server::vault::http::tls;
use scelle_server::vault::scrub::{Pace, Scrub};
use scelle_server::vault::{DataFolder, Vault};
use serde_json::json;

use super::options::VaultOptions;
use super::{Failure, Outcome, print_json};

pub(crate) fn serve(options: VaultOptions) -> Outcome {
    if options.tls_cert.is_none() && !may_serve_clear_text(options.listen) {
        return Err(Failure::new(
            2,
            "hors de 127.0.0.1, il faut TLS : --tls-cert et --tls-key",
            "beyond 127.0.0.1 TLS is needed: --tls-cert and --tls-key",
        ));
    }
    let tls = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key).map_err(|error| {
            Failure::new(
                2,
                format!("TLS : le certificat ou sa clé (PEM) est inutilisable ({error})"),
                format!("TLS: the certificate or its key (PEM) cannot be used ({error})"),
            )
        })?),
        _ => None,
    };
    let folder = DataFolder::lock(&options.data.data)?.ok_or_else(Failure::busy)?;
    let reserve_bytes = options.reserve_mib.saturating_mul(1 << 20);
    let (vault, recovery) =
        Vault::open(folder, Options { reserve_bytes, trace_keep_days: options.trace_keep_days })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen).await?;
        print_json(&json!({
            "listening": listener.local_addr()?.to_string(),
            "torn_uploads_removed": recovery.torn,
            "unrecorded_uploads_removed": recovery.unrecorded,
            "deletions_ended": recovery.doomed,
        }))?;
        let scrub = scrub(&vault, &options)?;
        serve_connections(listener, tls, Service::new(vault.clone()), stop()).await;
        if let Some(scrub) = scrub {
            scrub.stop();
        }
        Ok(())
    });
    drop(runtime);
    vault.close();
    outcome
}

/// Reads everything again in the background, unless told not to.
fn scrub(vault: &Arc<Vault>, options: &VaultOptions) -> Result<Option<Scrub>, Failure> {
    if options.scrub_days == 0 {
        return Ok(None);
    }
    let bytes_per_second = options.scrub_mib_s.max(1).saturating_mul(1 << 20);
    Ok(Some(Scrub::start(Arc::clone(vault), Pace { days: options.scrub_days, bytes_per_second })?))
}

/// Ready when the process is asked to end.
async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut term), Ok(mut int)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
