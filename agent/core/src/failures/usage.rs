//! The command line and the configuration. Never: the value that was typed.

use crate::error::{AgentError, ExitCode};
use scelle_view::words::failures::{ConfigFault, LineAdvice, LineFault, LineUnclear, UsageFailure};

/// The command line and the configuration: exit 2.
impl AgentError {
    /// The command line cannot be read.
    pub fn line_unclear(fault: LineFault, advice: LineAdvice) -> Self {
        Self::new(ExitCode::Usage, UsageFailure::Line(Box::new(LineUnclear { fault, advice })))
    }

    /// `restore` with neither or both of its targets.
    pub fn target_unclear() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::TargetUnclear)
    }

    /// `init` with no kit, or two.
    pub fn kit_unclear() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::KitUnclear)
    }

    /// A recipient that is none.
    pub fn recipient_invalid() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::RecipientInvalid)
    }

    /// The file of a bilan does not exist or cannot be read.
    pub fn bilan_file_unreadable() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::BilanFileUnreadable)
    }

    /// The file of the S3 secret does not exist, or cannot be read.
    pub fn secret_file_unreadable() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::SecretFileUnreadable)
    }

    /// The file of a secret can be read or changed by others. The place is its key in the configuration.
    pub fn secret_file_open() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::SecretFileOpen)
    }

    /// A variable that names a proxy holds no address of one. The place is the variable.
    pub fn proxy_variable_unclear() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::ProxyVariableUnclear)
    }

    /// The variable that names a file of authorities leads to none. The place is the variable.
    pub fn authorities_variable_unclear() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::AuthoritiesVariableUnclear)
    }

    /// A path that a file of the service manager cannot hold.
    pub fn path_not_for_service() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::PathNotForService)
    }

    /// The command or option exists in the contract and comes with a later version.
    pub fn not_in_this_version(command: &str) -> Self {
        Self::new(ExitCode::Usage, UsageFailure::NotInThisVersion { command: command.to_owned() })
    }

    /// Neither option, variable, configuration nor state names a repository.
    pub fn repository_not_given() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::RepositoryNotGiven)
    }

    /// The state knows several repositories.
    pub fn repository_ambiguous(known: usize) -> Self {
        Self::new(ExitCode::Usage, UsageFailure::RepositoryAmbiguous { known })
    }

    /// The address is neither `file:///…` nor `s3://…`.
    pub fn repository_address_invalid() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::RepositoryAddressInvalid)
    }

    /// `http://` to something else than this computer. The place is the endpoint.
    pub fn insecure_endpoint() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::InsecureEndpoint)
    }

    /// The S3 endpoint is not an address, or holds a user name or password.
    pub fn endpoint_invalid() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::EndpointInvalid)
    }

    /// `backup` with neither paths nor plans.
    pub fn nothing_to_back_up() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::NothingToBackUp)
    }

    /// A command that shows or writes names was given no key.
    pub fn key_required() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::KeyRequired)
    }

    /// Both `--kit` and `--phrase-file` where one is enough.
    pub fn two_keys() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::TwoKeys)
    }

    /// The kit file does not exist.
    pub fn kit_missing() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::KitMissing)
    }

    /// The file is not a kit at all.
    pub fn kit_unreadable() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::KitUnreadable)
    }

    /// The phrase file does not exist or is empty.
    pub fn phrase_missing() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::PhraseMissing)
    }

    /// A question would have to be asked and nobody is there to answer.
    pub fn nobody_to_ask() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::NobodyToAsk)
    }

    /// A secret would have to be typed and nobody is there to type it.
    pub fn nobody_to_type() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::NobodyToType)
    }

    /// The state folder lies on a network file system, where locks and fsync cannot be trusted.
    pub fn state_on_network() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::StateOnNetwork)
    }

    /// No home folder, no variable: no place for state or configuration.
    pub fn no_state_folder() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::NoStateFolder)
    }

    /// The configuration given by name does not exist or cannot be read.
    pub fn config_unreadable() -> Self {
        Self::new(ExitCode::Usage, UsageFailure::ConfigUnreadable)
    }

    /// The configuration is wrong at one line. The place is `file:line`.
    pub fn config_invalid(fault: ConfigFault) -> Self {
        Self::new(ExitCode::Usage, UsageFailure::ConfigInvalid { fault })
    }
}
