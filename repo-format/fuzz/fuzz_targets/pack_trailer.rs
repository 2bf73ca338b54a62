//! Trailers: found from the end of a plaintext, and decoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scelle_format::pack::Trailer;

fuzz_target!(|data: &[u8]| {
    let Some(last) = data.len().checked_sub(8).map(|at| &data[at..]) else { return };
    let from_end = Trailer::bytes_from_end(last).ok().and_then(|bytes| data.len().checked_sub(bytes));
    for bytes in [Some(data), from_end.map(|at| &data[at..])].into_iter().flatten() {
        if let Ok(trailer) = Trailer::decode(bytes) {
            assert_eq!(trailer.encode(), bytes);
            assert_eq!(
                trailer.walk().map(|(_, _, chunks)| chunks.len()).sum::<usize>(),
                trailer.chunks.len()
            );
        }
    }
});
