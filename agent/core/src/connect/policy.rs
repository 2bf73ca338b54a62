//! What each credential may do in a bucket, in the words of the engine that keeps it: documents to be given to the engine.
//!
//! For: `store policy`. Data comes from an address and goes to the screen. Rights are those that the program uses, no more:
//! nobody but the engine's owner deletes. Never: applied here, or a secret in one.

use serde_json::{Value, json};

/// Who is given rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRole {
    /// A computer that is backed up: puts, gets, lists.
    Agent,
    /// Whoever restores where that computer is gone: gets, lists.
    Restorer,
    /// Whoever makes the bucket.
    Owner,
}

/// Engines by how they take rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyEngine {
    /// A policy for a user, in the language of Amazon; others read it too.
    Aws,
    /// Ceph RGW: one policy for the bucket, which names users.
    Ceph,
    /// SeaweedFS: users with their keys and actions, in one file.
    Seaweed,
    /// Scellé's own vault: a command for each credential.
    Vault,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyDocument {
    /// JSON for the engine.
    Json(Value),
    /// Commands to run beside the engine.
    Commands(Vec<String>),
}

/// In every object of the repository.
const READ: [&str; 3] = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"];
/// In the bucket itself.
const LOOK: [&str; 5] = [
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
];
/// To make the bucket as it should be.
const MAKE: [&str; 4] = [
    "s3:CreateBucket",
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
];
/// What a computer that is taken over must not be able to do, whatever else its user is given.
const NEVER: [&str; 7] = [
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObjectRetention",
    "s3:BypassGovernanceRetention",
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutLifecycleConfiguration",
];

impl StoreRole {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Restorer, Self::Owner];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Restorer => "restorer",
            Self::Owner => "owner",
        }
    }

    /// The name that stands for its user in a document.
    pub fn user(self) -> &'static str {
        match self {
            Self::Agent => "scelle-agent",
            Self::Restorer => "scelle-restorer",
            Self::Owner => "scelle-owner",
        }
    }

    fn in_objects(self) -> Vec<&'static str> {
        match self {
            Self::Restorer => READ.to_vec(),
            Self::Agent | Self::Owner => [&["s3:PutObject"], &READ[..]].concat(),
        }
    }

    fn in_bucket(self) -> Vec<&'static str> {
        match self {
            Self::Agent | Self::Restorer => LOOK.to_vec(),
            Self::Owner => [&LOOK[..], &MAKE[..]].concat(),
        }
    }
}

impl PolicyEngine {
    /// All engines.
    pub const ALL: [Self; 4] = [Self::Aws, Self::Ceph, Self::Seaweed, Self::Vault];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Ceph => "ceph",
            Self::Seaweed => "seaweedfs",
            Self::Vault => "vault",
        }
    }

    /// Whether one document holds several roles.
    pub fn takes_several(self) -> bool {
        self != Self::Aws
    }

    /// The document that gives these roles their rights to `bucket`, below `prefix` where there is one.
    pub fn document(self, roles: &[StoreRole], bucket: &str, prefix: &str) -> PolicyDocument {
        match self {
            Self::Aws | Self::Ceph => {
                let statements = roles.iter().flat_map(|role| self.statements(*role, bucket, prefix));
                PolicyDocument::Json(json!({
                    "Version": "2012-10-17",
                    "Statement": statements.collect::<Vec<_>>(),
                }))
            }
            Self::Seaweed => {
                let identities = roles.iter().map(|role| seaweed_identity(*role, bucket));
                PolicyDocument::Json(json!({ "identities": identities.collect::<Vec<_>>() }))
            }
            Self::Vault => {
                PolicyDocument::Commands(roles.iter().map(|role| vault_command(*role, bucket)).collect())
            }
        }
    }

    fn statements(self, role: StoreRole, bucket: &str, prefix: &str) -> Vec<Value> {
        let own = format!("arn:aws:s3:::{bucket}");
        let objects = match prefix {
            "" => format!("{own}/*"),
            prefix => format!("{own}/{prefix}/*"),
        };
        let statement = |what: &str, effect: &str, actions: Vec<&str>, resources: Vec<&str>| {
            let mut statement = json!({
                "Sid": format!("{}{what}", role.name()),
                "Effect": effect,
                "Action": actions,
                "Resource": resources,
            });
            // Amazon's document is given to a user; Ceph's names its users.
            if self == Self::Ceph {
                statement["Principal"] = json!({ "AWS": [format!("arn:aws:iam:::user/{}", role.user())] });
            }
            statement
        };
        let mut statements = vec![
            statement("Objects", "Allow", role.in_objects(), vec![&objects]),
            statement("Bucket", "Allow", role.in_bucket(), vec![&own]),
        ];
        if role != StoreRole::Owner {
            let all = format!("{own}/*");
            statements.push(statement("Never", "Deny", NEVER.to_vec(), vec![&own, &all]));
        }
        statements
    }
}

/// SeaweedFS knows rights to whole buckets; its `Write` includes deleting.
fn seaweed_identity(role: StoreRole, bucket: &str) -> Value {
    let of = |actions: &[&str]| actions.iter().map(|action| format!("{action}:{bucket}")).collect::<Vec<_>>();
    let actions = match role {
        StoreRole::Agent => of(&["Read", "Write", "List"]),
        StoreRole::Restorer => of(&["Read", "List"]),
        StoreRole::Owner => of(&["Admin", "Read", "Write", "List"]),
    };
    json!({
        "name": role.user(),
        "credentials": [{ "accessKey": format!("{}-ACCESS-KEY", role.name().to_uppercase()), "secretKey": format!("{}-SECRET-KEY", role.name().to_uppercase()) }],
        "actions": actions,
    })
}

fn vault_command(role: StoreRole, bucket: &str) -> String {
    match role {
        StoreRole::Agent | StoreRole::Restorer => {
            format!(
                "scelle-server credential add --role {} --tenant TENANT --bucket {bucket} --json",
                role.name()
            )
        }
        StoreRole::Owner => "scelle-server credential add --role admin --tenant TENANT --json".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(engine: PolicyEngine, role: StoreRole) -> Vec<Value> {
        match engine.document(&[role], "b", "p/q") {
            PolicyDocument::Json(document) => document["Statement"].as_array().unwrap().clone(),
            PolicyDocument::Commands(_) => Vec::new(),
        }
    }

    #[test]
    fn nobody_but_the_owner_is_given_what_deletes_or_loosens() {
        for engine in [PolicyEngine::Aws, PolicyEngine::Ceph] {
            for role in [StoreRole::Agent, StoreRole::Restorer] {
                for statement in statements(engine, role) {
                    let is_denied = statement["Effect"] == "Deny";
                    for action in statement["Action"].as_array().unwrap() {
                        assert_eq!(NEVER.contains(&action.as_str().unwrap()), is_denied, "{statement}");
                    }
                }
            }
        }
        let puts = |role| {
            statements(PolicyEngine::Aws, role).iter().any(|s| s.to_string().contains("s3:PutObject\""))
        };
        assert!(puts(StoreRole::Agent) && !puts(StoreRole::Restorer));
    }

    #[test]
    fn objects_are_those_below_the_prefix_and_only_ceph_names_users() {
        let [aws, ceph] = [PolicyEngine::Aws, PolicyEngine::Ceph].map(|e| statements(e, StoreRole::Agent));
        assert_eq!(aws[0]["Resource"], json!(["arn:aws:s3:::b/p/q/*"]));
        assert!(aws.iter().all(|statement| statement.get("Principal").is_none()));
        assert!(
            ceph.iter()
                .all(|statement| statement["Principal"]["AWS"][0] == "arn:aws:iam:::user/scelle-agent")
        );
    }
}
