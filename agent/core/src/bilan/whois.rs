//! From a token back to the file it stands for.
//!
//! Data comes from the paths of a tree that somebody with a key opened, or of its root's problems. Goes to `bilan whois`
//! only. Never: keeps a table of tokens.

use scelle_format::report::file_token;

/// The first path whose token it is. `token_key` is the one of the device that wrote the bilan; paths are as manifests
/// write them (components joined by `/`).
pub fn whois<P: AsRef<[u8]>>(
    token: &str,
    token_key: &[u8; 32],
    paths: impl IntoIterator<Item = P>,
) -> Option<Vec<u8>> {
    let token = token.trim().to_ascii_lowercase();
    paths
        .into_iter()
        .find(|path| file_token(token_key, path.as_ref()) == token)
        .map(|path| path.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_to_its_path_and_no_other() {
        let paths = ["data/a.docx", "data/Élodie.pdf", "data/c"];
        let token = file_token(&[3; 32], paths[1].as_bytes());
        assert_eq!(
            whois(&format!(" {} ", token.to_uppercase()), &[3; 32], paths).unwrap(),
            paths[1].as_bytes()
        );
        assert_eq!(whois(&token, &[4; 32], paths), None);
        assert_eq!(whois("0000000000", &[3; 32], paths), None);
    }
}
