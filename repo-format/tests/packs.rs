//! Packs from frames to sealed bytes and back: what the verifier accepts is what went in, and no flipped bit passes.
#![cfg(feature = "crypto")]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use proptest::prelude::*;
use scelle_format::compress::{Compressor, Expander, Frame};
use scelle_format::crypto::{DedupSecret, PqIdentity, open_bytes};
use scelle_format::filter::Filter;
use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::limits::{PACK_FLOOR_BYTES, PACK_MAX_BYTES};
use scelle_format::pack::*;
use scelle_format::padme::padme;
use scelle_format::random::{Random, SeededRandom};

/// Frames of chunks, some of whose bytes repeat.
type Frames = Vec<(Vec<Vec<u8>>, bool, bool)>;

fn frames() -> impl Strategy<Value = Frames> {
    let chunk = (prop::collection::vec(any::<u8>(), 1..300), 1..200usize)
        .prop_map(|(bytes, times)| bytes.repeat(times));
    prop::collection::vec((prop::collection::vec(chunk, 1..6), any::<bool>(), any::<bool>()), 1..8)
}

struct Filled {
    builder: PackBuilder,
    /// Place and plain bytes of every chunk, the name of the pack still missing.
    chunks: Vec<(Location, Vec<u8>)>,
}

fn fill(frames: &Frames, identity: &PqIdentity, id_key: &[u8; 32], random: &mut SeededRandom) -> Filled {
    let mut builder = PackBuilder::new(PackKind::Data, 3, &identity.recipient(), 1 << 20, random).unwrap();
    let mut compressor = Compressor::new(1);
    let mut chunks = Vec::new();
    for (parts, is_filtered, is_raw) in frames {
        let plain = parts.concat();
        let filter = if *is_filtered && !is_raw { Filter::Delta16 } else { Filter::None };
        let frame =
            if *is_raw { Frame::raw(&plain) } else { compressor.frame(&plain, 1, filter).map(Frame::Zstd) }
                .unwrap();
        let rows: Vec<(ChunkId, u32)> =
            parts.iter().map(|c| (ChunkId::of(id_key, c), c.len() as u32)).collect();
        let place = builder.add_frame(frame, filter, &rows);
        let mut offset = 0;
        for (part, (id, bytes)) in parts.iter().zip(rows) {
            let pack = PackId { epoch: 0, sha256: Sha256([0; 32]) };
            let at = Location {
                id,
                pack,
                frame_offset: place.offset,
                frame_bytes: place.bytes,
                offset,
                bytes,
                filter,
            };
            chunks.push((at, part.clone()));
            offset += bytes;
        }
    }
    Filled { builder, chunks }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_went_in_comes_out(left in frames(), right in frames(), seed in any::<u64>(), flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 6)) {
        let mut random = SeededRandom::new(&seed.to_le_bytes());
        let identity = PqIdentity::generate(&mut random);
        let id_key = DedupSecret::new([9; 32], 3).chunk_id_key();
        let Filled { mut builder, mut chunks } = fill(&left, &identity, &id_key, &mut random);
        let other = fill(&right, &identity, &id_key, &mut random);
        let is_room = builder.has_room_for(&other.builder);
        prop_assert_eq!(is_room, builder.stored_bytes() + other.builder.stored_bytes() <= 1 << 20);
        let moved_by = builder.absorb(other.builder);
        chunks.extend(other.chunks.into_iter().map(|(at, plain)| (Location { frame_offset: at.frame_offset + moved_by, ..at }, plain)));
        let mut finished = builder.finish();
        let mut verifier = PackVerifier::default();
        let sha256 = verifier.verify(&finished, &id_key).unwrap();
        prop_assert_eq!(sha256, Sha256::of(&finished.sealed.bytes));

        let plain = open_bytes(&finished.sealed.bytes, &[&identity], PACK_MAX_BYTES).unwrap();
        prop_assert!(plain.len() as u64 >= PACK_FLOOR_BYTES);
        prop_assert_eq!(padme(plain.len() as u64), plain.len() as u64);
        let bytes = Trailer::bytes_from_end(&plain[plain.len() - 8..]).unwrap();
        let trailer = Trailer::decode(&plain[plain.len() - bytes..]).unwrap();
        prop_assert_eq!(&trailer, &finished.trailer);
        prop_assert_eq!((trailer.kind, trailer.generation), (PackKind::Data, 3));
        let (mut expander, mut content) = (Expander::default(), Vec::new());
        for (at, expected) in &chunks {
            let start = at.frame_offset as usize;
            open_frame(&mut expander, &plain[start..start + at.frame_bytes as usize], at.filter, &mut content).unwrap();
            prop_assert_eq!(chunk_in_frame(&content, at, &id_key).unwrap(), &expected[..]);
        }
        // The whole plaintext is what `zstd -dc` prints without complaint.
        prop_assert!(zstd::decode_all(&plain[..]).is_ok());

        prop_assert!(verifier.verify(&finished, &[0; 32]).is_err(), "another key");
        for (at, bit) in flips {
            let header = finished.sealed.header_bytes;
            let at = header + at.index(finished.sealed.bytes.len() - header);
            finished.sealed.bytes[at] ^= 1 << bit;
            prop_assert!(verifier.verify(&finished, &id_key).is_err(), "bit {bit} of byte {at}");
            finished.sealed.bytes[at] ^= 1 << bit;
        }
        prop_assert_eq!(verifier.verify(&finished, &id_key).unwrap(), sha256);
    }
}

#[test]
fn a_chunk_that_is_not_what_it_is_called_is_caught() {
    let mut random = SeededRandom::new(b"wrong id");
    let identity = PqIdentity::generate(&mut random);
    let id_key = [5; 32];
    let mut plain = vec![0; 10_000];
    random.fill(&mut plain);
    for damage in ["none", "id", "length", "frame"] {
        let mut builder =
            PackBuilder::new(PackKind::Data, 0, &identity.recipient(), 1 << 20, &mut random).unwrap();
        let mut frame = Compressor::new(1).frame(&plain, 1, Filter::None).unwrap().to_vec();
        let mut chunk = (ChunkId::of(&id_key, &plain), plain.len() as u32);
        match damage {
            "id" => chunk.0.0[31] ^= 1,
            "length" => chunk.1 -= 1,
            "frame" => *frame.last_mut().unwrap() ^= 0x80,
            _ => {}
        }
        builder.add_frame(Frame::Zstd(&frame), Filter::None, &[chunk]);
        let verified = PackVerifier::default().verify(&builder.finish(), &id_key);
        assert_eq!(verified.is_ok(), damage == "none", "{damage}");
    }
}
