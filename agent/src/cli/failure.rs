//! An error as a document: what `--json` prints in the place of a result.
//!
//! From [`AgentError`] to the contract of the command line. Never: a sentence of its own.

use scelle_core::error::AgentError;
use scelle_view::words::Lang;
use serde_json::{Value, json};

/// `{"error":{"code":13,"what":"…","where":"…","do":"…"}}`; `where` is empty when unknown.
pub fn document(error: &AgentError, lang: Lang) -> Value {
    let one_line =
        |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    json!({"error": {
        "code": error.code.number(),
        "what": error.what().text(lang),
        "where": one_line(error.place.as_deref().unwrap_or_default()),
        "do": error.todo().text(lang),
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_contract_shape() {
        let error = AgentError::object_corrupt().at("p/e1/ab/cd");
        let json = document(&error, Lang::En);
        let keys: Vec<&str> = json["error"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "do", "what", "where"]);
        assert_eq!(json["error"]["code"], 13);
        assert_eq!(json["error"]["where"], "p/e1/ab/cd");
    }
}
