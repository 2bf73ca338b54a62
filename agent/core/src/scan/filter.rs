//! What the walk leaves out: the user's globs, the backup's own folders, and what every system makes again by itself.
//! Pure decisions on paths; a folder's `CACHEDIR.TAG` has no meaning here.

use super::EntryPath;
use crate::error::AgentError;
use crate::platform::{self, Kind};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::path::{Path, PathBuf};

/// Names left out wherever they stand: bins and indexes that Windows and macOS make again.
const NOISE: [&str; 5] =
    ["$RECYCLE.BIN", "System Volume Information", ".Spotlight-V100", ".fseventsd", ".Trashes"];

/// Names left out at the top of a drive: the memory of Windows, paged out.
const DRIVE_NOISE: [&str; 3] = ["pagefile.sys", "hiberfil.sys", "swapfile.sys"];

/// A glob that does not parse. The text is the user's own pattern and the parser's reason.
#[derive(Debug, thiserror::Error)]
#[error("glob '{pattern}': {reason}")]
pub struct FilterError {
    pub pattern: String,
    pub reason: String,
}

impl FilterError {
    /// Whether the pattern names nothing: what a script makes of a variable that is not set.
    pub fn is_empty(&self) -> bool {
        names_nothing(&self.pattern)
    }
}

impl From<FilterError> for AgentError {
    fn from(error: FilterError) -> Self {
        if error.is_empty() { Self::empty_glob() } else { Self::bad_glob(error) }
    }
}

/// What to do with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Take,
    /// The folder itself, nothing in it.
    TakeEmpty,
    Leave,
}

/// What the walk takes and leaves. `Filter::default()` leaves out only the noise above.
///
/// Globs match the full path in the format's form (`data/cabinet/scan.tif`, `C/Dossiers/scan.tif`); a leading `/` and
/// `C:\` are accepted and understood. `*` stays within a component, `**` crosses them. A glob without `/` matches a
/// name anywhere. A glob that matches a folder holds for everything below it. Excludes win over includes; with
/// includes, files and links that match none are left out, folders are kept. Matching ignores case on Windows.
#[derive(Clone, Default)]
pub struct PathFilter {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
    own_folders: Vec<EntryPath>,
}

impl PathFilter {
    /// `own_folders`: the state folder and the store folder of the backup, which are never backed up; those that do
    /// not exist yet are taken as written.
    pub fn new(
        include: &[String],
        exclude: &[String],
        own_folders: &[PathBuf],
    ) -> Result<PathFilter, FilterError> {
        Ok(PathFilter {
            include: compile(include)?,
            exclude: compile(exclude)?,
            own_folders: own_folders.iter().filter_map(|folder| own_folder(folder)).collect(),
        })
    }

    /// Whether the path is, or lies in, one of the backup's own folders.
    pub fn is_own(&self, path: &EntryPath) -> bool {
        self.own_folders.iter().any(|folder| path.is_within(folder))
    }

    /// Whether there are globs at all.
    pub fn has_globs(&self) -> bool {
        self.include.is_some() || self.exclude.is_some()
    }

    /// The decision for an entry found below a root.
    pub fn verdict(&self, path: &EntryPath, kind: Kind) -> Choice {
        if kind == Kind::Directory && self.own_folders.contains(path) || is_noise(path) {
            return Choice::Leave;
        }
        if self.include.is_some() || self.exclude.is_some() {
            // A name this system cannot write as a path was not read from it.
            let Ok(native) = platform::bytes_to_os(path.as_bytes()) else { return Choice::Take };
            if self.exclude.as_ref().is_some_and(|globs| globs.is_match(Path::new(&native))) {
                return Choice::Leave;
            }
            let wanted = self.include.as_ref().is_none_or(|globs| globs.is_match(Path::new(&native)));
            if kind != Kind::Directory && !wanted {
                return Choice::Leave;
            }
        }
        // Kept as an empty folder when `/` is a root: a restored system needs them to mount on.
        if platform::MOUNTED.contains(&path.as_bytes()) { Choice::TakeEmpty } else { Choice::Take }
    }
}

fn own_folder(folder: &Path) -> Option<EntryPath> {
    let resolved = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
    EntryPath::from_os(&resolved).ok()
}

/// What every system makes again by itself.
pub(super) fn is_noise(path: &EntryPath) -> bool {
    let name = path.name();
    let is_one_of = |names: &[&str]| names.iter().any(|noise| name.eq_ignore_ascii_case(noise.as_bytes()));
    is_one_of(&NOISE) || is_one_of(&DRIVE_NOISE) && path.depth() == 2
}

fn compile(patterns: &[String]) -> Result<Option<GlobSet>, FilterError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        if names_nothing(pattern) {
            return Err(FilterError { pattern: pattern.clone(), reason: "it names nothing".to_owned() });
        }
        let fault = |error: globset::Error| FilterError {
            pattern: pattern.clone(),
            reason: error.kind().to_string(),
        };
        let plain = in_format_form(pattern);
        // The entry itself, and everything below it.
        for glob in [plain.clone(), format!("{plain}/**")] {
            let glob = GlobBuilder::new(&glob)
                .literal_separator(true)
                .case_insensitive(platform::IGNORES_CASE)
                .build();
            globs.add(glob.map_err(fault)?);
        }
    }
    let built = globs.build();
    built
        .map(Some)
        .map_err(|error| FilterError { pattern: patterns.join(" "), reason: error.kind().to_string() })
}

/// Whether nothing is left of a pattern but blanks, slashes and dots: it would match everything, or nothing, by accident.
fn names_nothing(pattern: &str) -> bool {
    pattern.split(['/', '\\']).all(|part| matches!(part.trim(), "" | "."))
}

fn in_format_form(pattern: &str) -> String {
    let pattern = if platform::BACKSLASH_SEPARATES { pattern.replace('\\', "/") } else { pattern.to_owned() };
    let pattern = pattern.trim_end_matches('/');
    if !pattern.contains('/') {
        return format!("**/{pattern}");
    }
    if let Some((drive, rest)) = pattern.split_once(":/")
        && drive.len() == 1
        && platform::HAS_DRIVES
    {
        return format!("{}/{rest}", drive.to_ascii_uppercase());
    }
    match pattern.strip_prefix("//") {
        Some(share) if platform::HAS_DRIVES => format!("UNC/{share}"),
        _ => pattern.trim_start_matches('/').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, EntryPath, Kind, PathFilter};

    fn filter(include: &[&str], exclude: &[&str]) -> PathFilter {
        let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>();
        PathFilter::new(&owned(include), &owned(exclude), &[]).unwrap()
    }

    fn takes(filter: &PathFilter, path: &str, kind: Kind) -> bool {
        filter.verdict(&EntryPath::from_bytes(path.as_bytes()).unwrap(), kind) == Choice::Take
    }

    #[test]
    fn globs() {
        let excluded = filter(&[], &["*.tmp", "/data/cache", "data/*/old/**"]);
        assert!(!takes(&excluded, "data/deep/er/x.tmp", Kind::File));
        assert!(!takes(&excluded, "x.tmp", Kind::File));
        assert!(!takes(&excluded, "data/cache", Kind::Directory));
        assert!(!takes(&excluded, "data/cache/a/b", Kind::File));
        assert!(takes(&excluded, "other/cache", Kind::Directory));
        assert!(!takes(&excluded, "data/a/old/x", Kind::File));
        assert!(takes(&excluded, "data/a/b/old/x", Kind::File));

        let included = filter(&["*.dcm", "data/letters"], &["secret.dcm"]);
        assert!(takes(&included, "data/any", Kind::Directory));
        assert!(takes(&included, "data/x.dcm", Kind::File));
        assert!(takes(&included, "data/letters/2026/a.odt", Kind::File));
        assert!(!takes(&included, "data/x.txt", Kind::File));
        assert!(!takes(&included, "data/secret.dcm", Kind::File));
        assert!(PathFilter::new(&["[".to_owned()], &[], &[]).is_err());
    }

    #[test]
    fn a_pattern_that_names_nothing_is_refused() {
        for pattern in ["", " ", "/", "//", "./", ".", "/./", "\t", "\\"] {
            for (include, exclude) in [(vec![pattern.to_owned()], vec![]), (vec![], vec![pattern.to_owned()])]
            {
                let refused = PathFilter::new(&include, &exclude, &[]).err().unwrap();
                assert!(refused.is_empty(), "{pattern:?}");
            }
        }
        for pattern in ["*", "**", "/*", ".git", "a/", "..x"] {
            assert!(PathFilter::new(&[], &[pattern.to_owned()], &[]).is_ok(), "{pattern:?}");
        }
    }

    #[test]
    fn only_noise_is_left_out_by_default() {
        let plain = PathFilter::default();
        for path in ["D/$Recycle.Bin", "C/System Volume Information", "C/pagefile.sys", "media/x/.Trashes"] {
            assert!(!takes(&plain, path, Kind::Directory), "{path}");
        }
        for path in ["data/C/pagefile.sys", "data/.git", "data/CACHEDIR.TAG", "data/proc", "data/tmp", "x~"] {
            assert!(takes(&plain, path, Kind::File), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn kernel_folders_stay_as_mount_points() {
        let path = EntryPath::from_bytes(b"proc").unwrap();
        assert_eq!(PathFilter::default().verdict(&path, Kind::Directory), Choice::TakeEmpty);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_matched_too() {
        let path = EntryPath::from_bytes(b"data/\xff\xfe.tmp").unwrap();
        assert_eq!(filter(&[], &["*.tmp"]).verdict(&path, Kind::File), Choice::Leave);
    }
}
