//! Bounded reading of little-endian records: the only place that slices bytes from a store.

use crate::error::{FormatError, Result};

/// A cursor that never reads past its end.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, which claim to be a `what`.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, tail) =
            self.rest.split_at_checked(count).ok_or(FormatError::Truncated { what: self.what })?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Little-endian u16.
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Little-endian u32.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Little-endian u64.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A u32 count of records of `record_bytes` each, checked against `most` and against what is left.
    pub fn count(&mut self, most: usize, record_bytes: usize) -> Result<usize> {
        let count = usize::try_from(self.u32()?).map_err(|_| FormatError::TooLarge { what: self.what })?;
        if count > most {
            return Err(FormatError::TooLarge { what: self.what });
        }
        match count.checked_mul(record_bytes) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(FormatError::Truncated { what: self.what }),
        }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses left-over bytes.
    pub fn end(self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(FormatError::Malformed { what: self.what, why: "bytes follow its end" })
        }
    }
}
