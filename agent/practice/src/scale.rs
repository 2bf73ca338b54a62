//! How much of everything there is in a practice.

/// How much of everything. Sizes are means; each file varies by half around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Patients, one folder each.
    pub patients: u32,
    /// Scanned pages (JPEG).
    pub scans: u32,
    /// Mean size of a scan, in bytes.
    pub scan_bytes: u32,
    /// Scanned documents (PDF, one page).
    pub documents: u32,
    /// Mean size of a document, in bytes.
    pub document_bytes: u32,
    /// 16-bit images (DICOM Part 10, uncompressed).
    pub images: u32,
    /// Side of an image, in pixels.
    pub image_side: u16,
    /// CDA R2 letters (XML).
    pub letters: u32,
    /// HPRIM-like messages (text).
    pub messages: u32,
    /// Patients in the database.
    pub database_patients: u32,
    /// Consultations in the database.
    pub database_consultations: u32,
    /// Length of the sparse file, in bytes; 0 for none.
    pub sparse_bytes: u64,
}

impl Default for Scale {
    /// About 1 500 files and 70 MB, made in a couple of seconds.
    fn default() -> Self {
        Self {
            patients: 120,
            scans: 170,
            scan_bytes: 180_000,
            documents: 60,
            document_bytes: 110_000,
            images: 36,
            image_side: 512,
            letters: 820,
            messages: 410,
            database_patients: 2_000,
            database_consultations: 5_000,
            sparse_bytes: 4 << 20,
        }
    }
}

impl Scale {
    /// A few files of each kind, for tests.
    pub fn tiny() -> Self {
        Self {
            patients: 6,
            scans: 4,
            scan_bytes: 20_000,
            documents: 3,
            document_bytes: 12_000,
            images: 2,
            image_side: 64,
            letters: 12,
            messages: 8,
            database_patients: 50,
            database_consultations: 200,
            sparse_bytes: 1 << 20,
        }
    }

    /// `times` as many files and rows of each kind, of the same sizes.
    pub fn times(self, times: u32) -> Self {
        let more = |count: u32| count.saturating_mul(times);
        Self {
            patients: more(self.patients),
            scans: more(self.scans),
            documents: more(self.documents),
            images: more(self.images),
            letters: more(self.letters),
            messages: more(self.messages),
            database_patients: more(self.database_patients),
            database_consultations: more(self.database_consultations),
            ..self
        }
    }
}
