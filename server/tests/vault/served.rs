//! A vault served in this process, with credentials for every role.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use scelle_server::vault::data::Options;
use scelle_server::vault::http::serve::serve;
use scelle_server::vault::http::service::Service;
use scelle_server::vault::metadata::credentials;
use scelle_server::vault::roles::Role;
use scelle_server::vault::{DataFolder, Vault, clock};
use scelle_store::s3::{BucketSettings, S3Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running vault.
pub struct Served {
    pub vault: Arc<Vault>,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Served {
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, Options { reserve_bytes: 0, trace_keep_days: None }).await
    }

    pub async fn start_with(data: &Path, options: Options) -> Self {
        let folder = DataFolder::lock(data).unwrap().expect("the folder is free");
        let (vault, _) = Vault::open(folder, options).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = Service::new(Arc::clone(&vault));
        let running = tokio::spawn(serve(listener, None, service, async {
            let _ = stopped.await;
        }));
        Self { vault, address, stop: Some(stop), running }
    }

    /// Stops in order and frees the folder.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.running.await.unwrap();
        self.vault.close();
    }

    /// A new credential as settings for `bucket`.
    pub fn settings(&self, tenant: &str, role: Role, bucket: &str) -> BucketSettings {
        self.bound(tenant, role, bucket, None, "")
    }

    /// The same, bound to a bucket or prefix.
    pub fn bound(
        &self,
        tenant: &str,
        role: Role,
        bucket: &str,
        only: Option<&str>,
        prefix: &str,
    ) -> BucketSettings {
        let (access_key, secret_key) = self.credential(tenant, role, only, prefix);
        self.with(&access_key, &secret_key, bucket)
    }

    /// A new credential, bound to a bucket or prefix: access key and secret.
    pub fn credential(&self, tenant: &str, role: Role, only: Option<&str>, prefix: &str) -> (String, String) {
        let (vault, tenant) = (Arc::clone(&self.vault), tenant.to_owned());
        let (only, prefix) = (only.map(str::to_owned), prefix.to_owned());
        let made = tokio::task::block_in_place(|| {
            self.vault.metadata.write_blocking(move |c| {
                credentials::add(c, &vault.seal, &tenant, role, only, prefix, clock::now_ms())
            })
        });
        let (credential, secret) = made.unwrap();
        (credential.access_key, (*secret).clone())
    }

    /// Settings of a client that has this credential.
    pub fn with(&self, access_key: &str, secret_key: &str, bucket: &str) -> BucketSettings {
        let endpoint = format!("http://{}", self.address);
        let mut settings = BucketSettings::new(Some(endpoint), "us-east-1", bucket, access_key, secret_key);
        settings.allow_plain_http_loopback = true;
        settings
    }

    /// A client of a new credential.
    pub fn client(&self, tenant: &str, role: Role, bucket: &str) -> S3Store {
        S3Store::new(self.settings(tenant, role, bucket)).unwrap()
    }
}
