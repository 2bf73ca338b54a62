//! Who may do what: the one table.
//!
//! For: [`super::http`], which asks before anything else is looked at. A row is an operation of the S3 protocol, or
//! one of the finer acts that S3 hides in headers (`+lock`, `+version`). What is not in the table is offered to
//! nobody. Never: an exception made elsewhere; restrictions to a bucket or prefix only narrow it further.

use std::fmt;
use std::str::FromStr;

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Makes buckets, sets their lock, looks after a tenant. Locked versions resist it as they resist everybody.
    Admin,
    /// A backed-up computer: puts, gets, lists. No deletion, no retention.
    Agent,
    /// Renews locks, away from the computers it protects. No deletion.
    Gardener,
    /// Deletes versions that are no longer locked.
    Reaper,
    /// Reads everything, for a restore.
    Restorer,
    /// Reads the access trace, and nothing else.
    Auditor,
}

impl Role {
    /// All roles, in the order of the table's columns.
    pub const ALL: [Self; 6] =
        [Self::Admin, Self::Agent, Self::Gardener, Self::Reaper, Self::Restorer, Self::Auditor];

    /// Its name on the command line and in the trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Gardener => "gardener",
            Self::Reaper => "reaper",
            Self::Restorer => "restorer",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| "one of admin, agent, gardener, reaper, restorer, auditor".to_owned())
    }
}

const Y: bool = true;
const N: bool = false;

/// Operation × role. Columns: admin, agent, gardener, reaper, restorer, auditor.
#[rustfmt::skip]
pub const TABLE: &[(&str, [bool; 6])] = &[
    // Looking at buckets                    admin agent gard. reap. rest. audit.
    ("ListBuckets",                          [Y,    Y,    Y,    Y,    Y,    N]),
    ("HeadBucket",                           [Y,    Y,    Y,    Y,    Y,    N]),
    ("GetBucketLocation",                    [Y,    Y,    Y,    Y,    Y,    N]),
    ("GetBucketVersioning",                  [Y,    Y,    Y,    Y,    Y,    N]),
    ("GetObjectLockConfiguration",           [Y,    Y,    Y,    Y,    Y,    N]),
    ("ListObjects",                          [Y,    Y,    Y,    Y,    Y,    N]),
    ("ListObjectsV2",                        [Y,    Y,    Y,    Y,    Y,    N]),
    ("ListObjectVersions",                   [Y,    Y,    Y,    Y,    Y,    N]),
    // Reading
    ("HeadObject",                           [Y,    Y,    Y,    Y,    Y,    N]),
    ("GetObject",                            [Y,    Y,    Y,    Y,    Y,    N]),
    ("GetObjectRetention",                   [Y,    Y,    Y,    Y,    Y,    N]),
    // Writing new versions; under the bucket's own default retention
    ("PutObject",                            [Y,    Y,    N,    N,    N,    N]),
    // Over an object of a bucket without versions, which ends it; with versions the older one stays
    ("PutObject+replace",                    [Y,    N,    N,    N,    N,    N]),
    ("CopyObject",                           [Y,    Y,    N,    N,    N,    N]),
    ("CreateMultipartUpload",                [Y,    Y,    N,    N,    N,    N]),
    ("UploadPart",                           [Y,    Y,    N,    N,    N,    N]),
    ("UploadPartCopy",                       [Y,    Y,    N,    N,    N,    N]),
    ("CompleteMultipartUpload",              [Y,    Y,    N,    N,    N,    N]),
    ("AbortMultipartUpload",                 [Y,    Y,    N,    N,    N,    N]),
    ("ListMultipartUploads",                 [Y,    Y,    N,    N,    N,    N]),
    ("ListParts",                            [Y,    Y,    N,    N,    N,    N]),
    // Locks: extension only, for whoever it is
    ("PutObject+lock",                       [Y,    N,    N,    N,    N,    N]),
    ("CopyObject+lock",                      [Y,    N,    N,    N,    N,    N]),
    ("CreateMultipartUpload+lock",           [Y,    N,    N,    N,    N,    N]),
    ("PutObjectRetention",                   [Y,    N,    Y,    N,    N,    N]),
    // Deleting: markers hide, versions go; a locked version goes for nobody
    ("DeleteObject",                         [Y,    N,    N,    N,    N,    N]),
    ("DeleteObject+version",                 [Y,    N,    N,    Y,    N,    N]),
    ("DeleteObjects",                        [Y,    N,    N,    Y,    N,    N]),
    // Buckets
    ("CreateBucket",                         [Y,    N,    N,    N,    N,    N]),
    ("DeleteBucket",                         [Y,    N,    N,    N,    N,    N]),
    ("PutBucketVersioning",                  [Y,    N,    N,    N,    N,    N]),
    ("PutObjectLockConfiguration",           [Y,    N,    N,    N,    N,    N]),
    // The access trace of one's own tenant
    ("ReadTrace",                            [N,    N,    N,    N,    N,    Y]),
];

/// What the table says about an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allowed,
    /// Not for this role.
    Refused,
    /// For nobody: the vault does not offer it.
    NotOffered,
}

/// Looks an operation up.
pub fn verdict(role: Role, operation: &str) -> Verdict {
    match TABLE.iter().find(|(name, _)| *name == operation) {
        None => Verdict::NotOffered,
        Some((_, roles)) if roles[role as usize] => Verdict::Allowed,
        Some(_) => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(role: Role) -> Vec<&'static str> {
        TABLE.iter().map(|(name, _)| *name).filter(|name| verdict(role, name) == Verdict::Allowed).collect()
    }

    #[test]
    fn columns_and_names_agree() {
        for (column, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, column);
            assert_eq!(role.name().parse(), Ok(role));
        }
        let mut names: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len(), "a row is there twice");
    }

    #[test]
    fn only_admin_and_reaper_delete_and_only_admin_and_gardener_touch_retention() {
        for role in Role::ALL {
            let may = allowed(role);
            let deletes = may.iter().any(|name| name.contains("Delete"));
            assert_eq!(deletes, matches!(role, Role::Admin | Role::Reaper), "{role}");
            let locks = may.iter().any(|name| name.contains("+lock") || *name == "PutObjectRetention");
            assert_eq!(locks, matches!(role, Role::Admin | Role::Gardener), "{role}");
        }
        assert_eq!(allowed(Role::Auditor), ["ReadTrace"]);
    }

    #[test]
    fn what_is_not_in_the_table_is_for_nobody() {
        for role in Role::ALL {
            for name in ["PutBucketPolicy", "PutObjectLegalHold", "PutBucketLifecycleConfiguration", ""] {
                assert_eq!(verdict(role, name), Verdict::NotOffered);
            }
        }
    }
}
