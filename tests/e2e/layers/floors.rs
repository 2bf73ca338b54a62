//! The floors of every house: which rooms stand on which.
//!
//! A table for each crate, and for a room that is a house of its own; the ground floor comes first. A room may import its own
//! floor's other rooms only where no circle comes of it, and floors below; never one above. A room that no table knows fails.

/// The floors of a house, the ground floor first.
pub struct Floors {
    /// Module path of the house, the crate's name first.
    pub of: &'static [&'static str],
    /// Its rooms.
    pub rooms: &'static [&'static [&'static str]],
}

/// Every house.
pub const FLOORS: [Floors; 11] = [
    Floors {
        of: &["scelle_format"],
        rooms: &[
            &["error", "limits", "padme", "random"],
            &["filter", "id", "note", "path", "phrase", "timestamp", "wire"],
            &["chunker", "compress", "crypto", "fingerprint", "layout", "text", "vkey_text"],
            &["descriptor", "format_txt", "kit", "light", "pack"],
            &["chunk_list", "index", "manifest", "refs"],
            &["ledger"],
            &["report"],
        ],
    },
    Floors {
        of: &["scelle_store"],
        rooms: &[
            &["error", "key"],
            &["store"],
            &["decorator", "durable", "throttle"],
            &["dir"],
            &["mem", "s3"],
            &["read_back", "retry", "traced", "probe"],
            &["verdict"],
        ],
    },
    Floors { of: &["scelle_view"], rooms: &[&["words"], &["reasons"], &["pages"]] },
    Floors {
        of: &["scelle_practice"],
        rooms: &[
            &["error", "names", "scale", "seeded"],
            &["clinical", "images", "maker"],
            &["database", "day", "letters", "odd"],
        ],
    },
    Floors {
        of: &["scelle_core"],
        rooms: &[
            &["clock", "chance", "shutdown", "error", "failures", "monitor", "around", "schedule"],
            &["platform"],
            &["scan", "index"],
            &["repo"],
            &["connect", "catalog"],
            &["reading"],
            &["restore", "verify", "look"],
            &["pipeline"],
            &["bilan"],
            &["run"],
        ],
    },
    Floors {
        of: &["scelle_core", "repo"],
        rooms: &[
            &["files", "finding"],
            &["kept"],
            &["state"],
            &["objects"],
            &["keys"],
            &["ledger"],
            &["damage"],
            &["create", "open", "unfinished"],
            &["join", "seat"],
            &["rounds"],
        ],
    },
    Floors {
        of: &["scelle_core", "pipeline"],
        rooms: &[&["chunks"], &["jobs", "landing"], &["database"], &["workers"], &["gather"], &["closing"]],
    },
    Floors { of: &["scelle_agent"], rooms: &[&["config"], &["boot", "log", "service"], &["cli"], &["demo"]] },
    Floors {
        of: &["scelle_agent", "cli"],
        rooms: &[
            &["args", "help_fr", "language"],
            &["failure", "paper", "progress", "screen", "secrets", "usage"],
            &["context", "exit"],
            &["commands"],
        ],
    },
    Floors {
        of: &["scelle_server", "vault"],
        rooms: &[
            &["clock", "fault", "label", "platform", "refusal", "roles"],
            &["blobs", "keys", "log"],
            &["trace"],
            &["metadata"],
            &["data", "rebuild"],
            &["receive"],
            &["operations"],
            &["fsck", "scrub"],
            &["http"],
        ],
    },
    Floors {
        of: &["scelle_server", "cli"],
        rooms: &[&["options", "outcome"], &["care", "enrol", "vault"], &["commands"]],
    },
];

impl Floors {
    /// The room of this house that a module lies in.
    pub fn room<'m>(&self, module: &'m [String]) -> Option<&'m str> {
        room_in(self.of, module)
    }

    /// On which floor a room is.
    pub fn floor(&self, room: &str) -> Option<usize> {
        self.rooms.iter().position(|rooms| rooms.contains(&room))
    }
}

/// The room of a house that a module lies in.
pub fn room_in<'m>(of: &[&str], module: &'m [String]) -> Option<&'m str> {
    let is_inside = module.len() > of.len() && of.iter().zip(module).all(|(a, b)| a == b);
    is_inside.then(|| module[of.len()].as_str())
}
