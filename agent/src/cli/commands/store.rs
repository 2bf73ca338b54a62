//! `scelle store policy`: what a credential may do, as a document for the engine that keeps the backups.
//!
//! From an address and roles to the core's [`PolicyDocument`]; facts that the document rests on are said beside it. Never: asks
//! the engine, or puts a secret into a document.

use serde_json::json;

use crate::cli::args::{Store, StorePolicy};
use crate::cli::context::Context;
use scelle_core::connect::RepoAddress;
use scelle_core::connect::policy::{PolicyDocument, PolicyEngine, StoreRole};
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_view::bilingual;
use scelle_view::words::Message;
use scelle_view::words::failures::{ExpectedValue, LineAdvice, LineFault};

/// Runs `store …`.
pub fn run(context: &Context, command: Store) -> Result<ExitCode> {
    let Store::Policy(StorePolicy { roles, engine }) = command;
    let Some(RepoAddress::S3 { bucket, prefix }) = &context.settings.repo else {
        let fault = LineFault::Missing("--repo".to_owned());
        return Err(AgentError::line_unclear(fault, LineAdvice::Expected(ExpectedValue::Bucket)));
    };
    let (screen, lang) = (&context.screen, context.lang());
    let facts = facts(engine, &roles);
    let document = match engine.document(&roles, bucket, prefix) {
        PolicyDocument::Json(document) => {
            screen.line(&format!("{document:#}"));
            document
        }
        PolicyDocument::Commands(commands) => {
            commands.iter().for_each(|command| screen.line(command));
            json!(commands)
        }
    };
    facts.iter().for_each(|fact| screen.aside(fact));
    let facts: Vec<&str> = facts.iter().map(|fact| fact.text(lang)).collect();
    let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    screen.json(&json!({"engine": engine.name(), "roles": roles, "policy": document, "facts": facts}));
    Ok(ExitCode::Ok)
}

/// What the engine does with the document, and what it does not.
fn facts(engine: PolicyEngine, roles: &[StoreRole]) -> Vec<Message> {
    let mut facts = match engine {
        PolicyEngine::Aws => vec![bilingual!(
            "À donner à un utilisateur IAM, un document par utilisateur. Chez les hébergeurs dont la politique est au compartiment, \
             utilisez --engine ceph",
            "To be given to an IAM user, one document for each. Where the host keeps policies at the bucket, use --engine ceph"
        )],
        PolicyEngine::Ceph => vec![
            bilingual!(
                "À poser sur le compartiment par son propriétaire (put-bucket-policy), après « scelle init --create-bucket » : il n'y a \
                 qu'une politique par compartiment, demandez donc tous les rôles ensemble ; remplacez les noms scelle-… par vos \
                 utilisateurs",
                "To be put on the bucket by its owner (put-bucket-policy), after \"scelle init --create-bucket\": a bucket has one policy \
                 only, so ask for all roles together; put your users' names for scelle-…"
            ),
            bilingual!(
                "Dans Ceph RGW, un objet appartient à qui l'a écrit : le propriétaire du compartiment ne lit pas les objets de l'agent \
                 par lui-même, et il ne les lit que si cette politique le nomme (rôle owner ou restorer)",
                "In Ceph RGW an object belongs to whoever wrote it: the bucket's owner cannot read the agent's objects by itself, only \
                 where this policy names it (role owner or restorer)"
            ),
        ],
        PolicyEngine::Seaweed => vec![
            bilingual!(
                "À réunir avec les autres identités dans le fichier de « weed s3 -s3.config » ; remplacez les clés",
                "To be put beside the other identities in the file of \"weed s3 -s3.config\"; put keys of your own"
            ),
            bilingual!(
                "SeaweedFS compte l'effacement dans « Write », et ses droits valent pour tout le compartiment : seul le verrou du \
                 compartiment (COMPLIANCE) garde ce qui est écrit",
                "SeaweedFS counts deleting as \"Write\", and its rights hold for the whole bucket: only the bucket's lock (COMPLIANCE) \
                 keeps what was written"
            ),
        ],
        PolicyEngine::Vault => vec![bilingual!(
            "À lancer à côté du coffre (avec son --data) ; chaque commande affiche une clé et son secret",
            "To be run beside the vault (with its --data); each command shows a key and its secret"
        )],
    };
    if roles.contains(&StoreRole::Agent) {
        facts.push(bilingual!(
            "L'agent dépose, lit et liste ; il ne pose aucun verrou : la conservation par défaut du compartiment verrouille chaque objet. \
             « scelle init », avec cette clé, essaie ce que le stockage fait vraiment",
            "The agent puts, gets and lists; it sets no lock: the bucket's default retention locks each object. \"scelle init\" with this \
             credential tries what the store really does"
        ));
    }
    facts
}
