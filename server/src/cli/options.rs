//! The command line, as clap reads it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use scelle_server::vault::roles::Role;

/// Serveur de Scellé sans clé / Scellé server without keys.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sert le coffre S3 / serves the S3 vault
    Vault(VaultOptions),
    /// Identifiants des appareils / credentials of devices
    Credential {
        #[command(subcommand)]
        action: CredentialAction,
    },
    /// Jeton à usage unique, échangé par un poste contre son identifiant / token a computer exchanges for its credential
    Token {
        #[command(flatten)]
        data: Data,
        /// agent, gardener, reaper, restorer, auditor
        #[arg(long, default_value = "agent")]
        role: Role,
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        bucket: String,
        /// Seulement les clés qui commencent ainsi / only keys that begin with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// Adresse du coffre vue du poste / address of the vault as the computer sees it
        #[arg(long)]
        endpoint: String,
        #[arg(long, default_value = "us-east-1")]
        region: String,
        /// Heures de validité / hours it holds
        #[arg(long, default_value_t = 48)]
        hours: u32,
        /// Fichier à créer (mode 0600) / file to make (mode 0600)
        #[arg(long)]
        out: PathBuf,
    },
    /// Place allouée à un cabinet / room given to a tenant
    Quota {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        tenant: String,
        /// Gio ; sans valeur, sans limite / GiB; without it, no limit
        #[arg(long)]
        gib: Option<u64>,
    },
    /// Compare métadonnées, fichiers et trace / compares metadata, files and trace
    Fsck {
        #[command(flatten)]
        data: Data,
        /// Relit aussi chaque objet / reads every object as well
        #[arg(long)]
        read_data: bool,
        /// Note ce qui est trouvé (coffre arrêté) ; n'efface rien / notes what is found (vault stopped); deletes nothing
        #[arg(long)]
        repair: bool,
    },
    /// Copie les métadonnées, coffre en marche / copies the metadata while the vault runs
    Backup {
        #[command(flatten)]
        data: Data,
        /// Fichier à créer / file to make
        #[arg(long)]
        to: PathBuf,
    },
    /// Refait les métadonnées à partir des objets (coffre arrêté) / makes the metadata again from the objects (stopped)
    Rebuild {
        #[command(flatten)]
        data: Data,
        /// Copie d'où viennent identifiants et seaux / copy that credentials and buckets come from
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Trace des accès / access trace
    Trace {
        #[command(subcommand)]
        action: TraceAction,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    /// Dossier de données / data folder
    #[arg(long, env = "SCELLE_DATA")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VaultOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Adresse et port / address and port
    #[arg(long, env = "SCELLE_LISTEN", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// Certificat (PEM) ; obligatoire hors de cette machine / certificate (PEM); required beyond this machine
    #[arg(long, env = "SCELLE_TLS_CERT", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Clé du certificat (PEM) / the certificate's key (PEM)
    #[arg(long, env = "SCELLE_TLS_KEY", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Mio laissés libres sur le disque / MiB of the disk left free
    #[arg(long, env = "SCELLE_RESERVE_MIB", default_value_t = 256)]
    pub(crate) reserve_mib: u64,
    /// Adresse des chiffres pour Prometheus, sur cette machine / address of figures for Prometheus, on this machine
    #[arg(long, env = "SCELLE_METRICS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Chaque objet relu en tant de jours ; 0 : jamais / each object read again within so many days; 0: never
    #[arg(long, env = "SCELLE_SCRUB_DAYS", default_value_t = 30)]
    pub(crate) scrub_days: u32,
    /// Mio lus par seconde au plus / MiB read in a second at most
    #[arg(long, env = "SCELLE_SCRUB_MIB_S", default_value_t = 20)]
    pub(crate) scrub_mib_s: u64,
    /// Jours de trace gardés ; sans valeur, tous / days of trace kept; without it, all
    #[arg(long, env = "SCELLE_TRACE_KEEP_DAYS")]
    pub(crate) trace_keep_days: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialAction {
    /// Crée un identifiant ; le secret n'est montré qu'ici / makes one; the secret is shown here only
    Add {
        #[command(flatten)]
        data: Data,
        /// admin, agent, gardener, reaper, restorer, auditor
        #[arg(long)]
        role: Role,
        #[arg(long)]
        tenant: String,
        /// Seulement ce seau / only this bucket
        #[arg(long)]
        bucket: Option<String>,
        /// Seulement les clés qui commencent ainsi / only keys that begin with this
        #[arg(long, default_value = "")]
        prefix: String,
        #[arg(long)]
        json: bool,
    },
    /// Liste, sans les secrets / lists, without secrets
    List {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        tenant: String,
    },
    /// Révoque aussitôt / revokes at once
    Revoke {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        access_key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TraceAction {
    /// Vérifie la chaîne d'un cabinet / verifies a tenant's chain
    Verify {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        tenant: String,
        /// Tête connue d'une vérification précédente, NUMÉRO:EMPREINTE / head of an earlier verification, NUMBER:HASH
        #[arg(long)]
        known: Option<String>,
    },
    /// Écrit la trace d'un cabinet sur la sortie / prints a tenant's trace
    Export {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        tenant: String,
        /// jsonl, csv, syslog
        #[arg(long, default_value = "jsonl")]
        format: String,
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
}
