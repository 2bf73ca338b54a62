//! The page of a recovery kit, to be printed on one sheet: its frame.
//!
//! What opens a repository is put between by whoever made the kit. Never: sees a secret.

use crate::words::Lang;

/// What stands before and after the picture and the text of a kit.
pub struct KitFrame {
    /// Up to the title.
    pub head: String,
    /// The end.
    pub foot: &'static str,
}

/// The frame in a language.
pub fn kit_frame(lang: Lang) -> KitFrame {
    let title = lang.pick("Scellé — kit de secours", "Scellé — recovery kit");
    let head = format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>@page{{size:A4;margin:15mm}}body{{font:10.5pt/1.35 sans-serif;color:#000}}\
         pre{{font:9pt/1.35 monospace;white-space:pre-wrap;overflow-wrap:anywhere}}svg{{float:right;width:45mm;height:45mm;margin:0 0 4mm 6mm}}\
         h1{{font-size:15pt}}</style><h1>{title}</h1>",
        lang.code()
    );
    KitFrame { head, foot: "</html>\n" }
}
