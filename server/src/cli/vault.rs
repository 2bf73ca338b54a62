//! `scelle-server vault`: opens the data folder, serves it, and ends in order.

use std::net::SocketAddr;
use std::sync::Arc;

use scelle_server::vault::data::Options;
use scelle_server::vault::http::metrics::{self, Metrics};
use scelle_server::vault::http::serve::{may_serve_clear_text, serve as serve_connections};
use scelle_server::vault::http::service::Service;
use scelle_server::vault::http::tls::Certificate;
use scelle_server::vault::scrub::{Pace, Scrub};
use scelle_server::vault::{DataFolder, Vault, log};
use serde_json::json;
use tokio::net::TcpListener;

use super::options::VaultOptions;
use super::outcome::{Failure, Outcome, print_json};

pub(crate) fn serve(options: VaultOptions) -> Outcome {
    let certificate = certificate(&options)?;
    expect_safe(&options, certificate.is_some())?;
    let folder = DataFolder::lock(&options.data.data)?.ok_or_else(Failure::busy)?;
    let reserve_bytes = options.reserve_mib.saturating_mul(1 << 20);
    let (vault, recovery) =
        Vault::open(folder, Options { reserve_bytes, trace_keep_days: options.trace_keep_days })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let listener = bind(options.listen).await?;
        let service = Service::new(Arc::clone(&vault));
        let scrub = scrub(&vault, &options)?;
        let figures = match options.metrics {
            None => None,
            Some(address) => {
                let listener = bind(address).await?;
                let own = listener.local_addr()?.to_string();
                let scrub = scrub.as_ref().map(|scrub| (Arc::clone(&scrub.progress), options.scrub_days));
                let metrics = Metrics { vault: Arc::clone(&vault), service: service.clone(), scrub };
                tokio::spawn(metrics::serve(listener, metrics));
                Some(own)
            }
        };
        print_json(&json!({
            "listening": listener.local_addr()?.to_string(),
            "metrics": figures,
            "torn_uploads_removed": recovery.torn,
            "unrecorded_uploads_removed": recovery.unrecorded,
            "deletions_ended": recovery.doomed,
        }))?;
        let tls = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        if let Some(certificate) = certificate {
            tokio::spawn(reload_on_hangup(certificate));
        }
        serve_connections(listener, tls, service, stop()).await;
        if let Some(scrub) = scrub {
            scrub.stop();
        }
        Ok(())
    });
    drop(runtime);
    vault.close();
    outcome
}

/// Clear text leaves this machine nowhere.
fn expect_safe(options: &VaultOptions, has_certificate: bool) -> Outcome {
    if !has_certificate && !may_serve_clear_text(options.listen) {
        return Err(Failure::new(
            2,
            "hors de 127.0.0.1, il faut TLS : --tls-cert et --tls-key",
            "beyond 127.0.0.1 TLS is needed: --tls-cert and --tls-key",
        ));
    }
    if options.metrics.is_some_and(|address| !may_serve_clear_text(address)) {
        return Err(Failure::new(
            2,
            "--metrics : seulement 127.0.0.1 ou ::1",
            "--metrics: 127.0.0.1 or ::1 only",
        ));
    }
    Ok(())
}

fn certificate(options: &VaultOptions) -> Result<Option<Arc<Certificate>>, Failure> {
    let (Some(chain), Some(key)) = (&options.tls_cert, &options.tls_key) else { return Ok(None) };
    let opened = Certificate::open(chain, key).map_err(|error| {
        Failure::new(
            2,
            format!("TLS : le certificat ou sa clé (PEM) est inutilisable ({error})"),
            format!("TLS: the certificate or its key (PEM) cannot be used ({error})"),
        )
    });
    opened.map(Some)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = error.kind();
        Failure::new(
            1,
            format!("l'adresse {address} ne peut être ouverte ({what})"),
            format!("the address {address} cannot be opened ({what})"),
        )
    })
}

/// Reads everything again in the background, unless told not to.
fn scrub(vault: &Arc<Vault>, options: &VaultOptions) -> Result<Option<Scrub>, Failure> {
    if options.scrub_days == 0 {
        return Ok(None);
    }
    let bytes_per_second = options.scrub_mib_s.max(1).saturating_mul(1 << 20);
    Ok(Some(Scrub::start(Arc::clone(vault), Pace { days: options.scrub_days, bytes_per_second })?))
}

/// Takes a renewed certificate without a restart.
async fn reload_on_hangup(certificate: Arc<Certificate>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            match certificate.reload() {
                Ok(()) => log::notice("the certificate was read again"),
                Err(_) => log::problem("the new certificate or its key cannot be used; the old one is kept"),
            }
        }
    }
    // Elsewhere a restart takes it.
    #[cfg(not(unix))]
    drop(certificate);
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
