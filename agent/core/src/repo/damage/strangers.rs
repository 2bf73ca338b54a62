//! What bears a name of FORMAT.md and is not the repository's all the same: a key file of a device, an epoch or a recipient that no
//! descriptor names, and what lies under the name of a revision that nobody has signed.
//!
//! Whoever may write can put such a name there. Data comes from the descriptors and what was noted before; it goes to the runs,
//! which forget what was noted of strangers, and to `check`, which counts them. Never: takes away what is there.

use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::keys::key_copies::KeyCopies;
use crate::repo::objects::Objects;
use crate::repo::objects::listed::Listed;
use crate::repo::state::State;

impl Damage {
    /// Forgets what an earlier version, or an earlier state of the repository, made it note of what is not the repository's.
    pub fn forget_strangers(
        &mut self,
        objects: &Objects,
        state: &State,
        descriptors: &Descriptors,
    ) -> Result<()> {
        let noted = self.here.keys().filter(|name| name.starts_with("desc/") || name.starts_with("keys/"));
        let noted: Vec<String> = noted.cloned().collect();
        if noted.is_empty() {
            return Ok(());
        }
        let copies = KeyCopies::load(state)?;
        let is_stranger = |name: &str| match name.starts_with("desc/") {
            true => is_nobodys(descriptors, name),
            false => copies.is_strangers(objects, &descriptors.current, name),
        };
        for name in noted.iter().filter(|name| is_stranger(name)) {
            self.here.remove(name);
            self.altered.forget(name);
        }
        self.save(state)
    }
}

/// How many names below `desc/` are no revision's.
pub fn count_in(descriptors: &Descriptors, listed: &[Listed]) -> u64 {
    listed.iter().filter(|row| is_nobodys(descriptors, &row.name)).count() as u64
}

/// Whether a name below `desc/` is no revision's: nothing is wrong with it, and the chain ends below it.
fn is_nobodys(descriptors: &Descriptors, name: &str) -> bool {
    let is_above =
        scelle_format::layout::parse_descriptor(name).is_ok_and(|n| n > descriptors.current.revision);
    is_above && !descriptors.findings.iter().any(|finding| finding.object == name)
}
