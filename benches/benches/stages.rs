//! Each stage of the pipeline alone, on content of each kind, in bytes of source per second.

#![allow(clippy::unwrap_used, reason = "a bench that cannot make its input has nothing to say")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use scelle_bench::samples::{Samples, gear_table};
use scelle_core::pipeline::chunks::recipe;
use scelle_format::chunker::ContentCutter;
use scelle_format::compress::{Compressor, Expander, Frame};
use scelle_format::crypto::pq::PqIdentity;
use scelle_format::crypto::seal::{AgeHeader, SealBuffer};
use scelle_format::filter::{Filter, apply_delta16, undo_delta16};
use scelle_format::id::{ChunkId, PackKind, Sha256};
use scelle_format::limits::{PACK_TARGET_BYTES, SOLID_FRAME_BYTES};
use scelle_format::pack::{PackBuilder, PackVerifier};
use scelle_format::random::OsRandom;

const ID_KEY: [u8; 32] = [7; 32];

fn main() {
    let smoke = scelle_bench::is_smoke();
    let (warm_up, time) = if smoke { (20, 100) } else { (300, 1500) };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(warm_up))
        .measurement_time(Duration::from_millis(time))
        .without_plots()
        .configure_from_args();
    let samples = Samples::make(if smoke { 2 } else { 8 }).unwrap();
    cutting_and_naming(&mut criterion, &samples);
    compression(&mut criterion, &samples);
    sealing(&mut criterion, &samples);
    criterion.final_summary();
}

fn group<'a>(criterion: &'a mut Criterion, name: &str, bytes: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes as u64));
    group
}

fn cutting_and_naming(criterion: &mut Criterion, samples: &Samples) {
    let scans = &samples.scans;
    let cutter = ContentCutter::new(gear_table());
    let mut cut = group(criterion, "cut", scans.len());
    cut.bench_function("ContentCutter", |b| {
        b.iter(|| {
            let mut rest = scans.as_slice();
            while !rest.is_empty() {
                rest = &rest[cutter.next(rest)..];
            }
        });
    });
    cut.finish();
    let mut names = group(criterion, "name", scans.len());
    for chunk_bytes in [16 << 10, 1 << 20] {
        names.bench_function(format!("ChunkId {} KiB", chunk_bytes >> 10), |b| {
            b.iter(|| {
                scans.chunks(chunk_bytes).for_each(|chunk| {
                    black_box(ChunkId::of(&ID_KEY, chunk));
                })
            });
        });
    }
    names.bench_function("SHA-256", |b| b.iter(|| Sha256::of(black_box(scans))));
    names.finish();
}

fn compression(criterion: &mut Criterion, samples: &Samples) {
    for (kind, content) in samples.each() {
        let mut benches = group(criterion, &format!("compress {kind}"), content.len());
        let mut compressor = Compressor::new(recipe::LEVEL);
        let mut solid = |filter| {
            let frames = content.chunks(SOLID_FRAME_BYTES);
            frames.map(|frame| compressor.frame(frame, recipe::LEVEL, filter).unwrap().len()).sum::<usize>()
        };
        benches.bench_function("level 1", |b| b.iter(|| solid(Filter::None)));
        if kind == "images" {
            benches.bench_function("filter and level 1", |b| b.iter(|| solid(Filter::Delta16)));
            let (mut filtered, mut back) = (Vec::new(), Vec::new());
            benches.bench_function("filter", |b| b.iter(|| apply_delta16(black_box(content), &mut filtered)));
            benches
                .bench_function("undo filter", |b| b.iter(|| undo_delta16(black_box(&filtered), &mut back)));
        }
        let mut compressor = Compressor::new(recipe::LEVEL);
        benches.bench_function("raw", |b| {
            b.iter(|| {
                content
                    .chunks(SOLID_FRAME_BYTES)
                    .map(|f| Frame::raw(f).unwrap().to_vec().len())
                    .sum::<usize>()
            });
        });
        benches.bench_function("choose", |b| {
            b.iter(|| {
                let frames = content.chunks(SOLID_FRAME_BYTES);
                frames.for_each(|f| {
                    black_box(recipe::choose(f, &mut compressor).unwrap());
                });
            });
        });
        let frames: Vec<(Vec<u8>, usize)> = content
            .chunks(SOLID_FRAME_BYTES)
            .map(|f| (compressor.frame(f, recipe::LEVEL, Filter::None).unwrap().to_vec(), f.len()))
            .collect();
        let (mut expander, mut plain) = (Expander::default(), Vec::new());
        benches.bench_function("expand level 1", |b| {
            b.iter(|| {
                let each = frames.iter();
                each.for_each(|(f, n)| expander.expand(f, *n, Filter::None, &mut plain).unwrap());
            });
        });
        benches.finish();
    }
}

fn sealing(criterion: &mut Criterion, samples: &Samples) {
    let recipient = PqIdentity::generate(&mut OsRandom).recipient();
    let content = &samples.letters;
    let mut benches = group(criterion, "seal", content.len());
    benches.bench_function("SealBuffer", |b| {
        b.iter(|| {
            let header = AgeHeader::new(std::slice::from_ref(&recipient), &mut OsRandom).unwrap();
            let mut buffer = SealBuffer::new(header, content.len());
            buffer.write(content);
            buffer.seal().bytes.len()
        });
    });
    benches.finish();

    for (kind, content) in samples.each() {
        let content = &content[..content.len().min(PACK_TARGET_BYTES)];
        let mut benches = group(criterion, &format!("pack {kind}"), content.len());
        let mut compressor = Compressor::new(recipe::LEVEL);
        let mut fill = || {
            let target = PACK_TARGET_BYTES;
            let mut pack = PackBuilder::new(PackKind::Data, 1, &recipient, target, &mut OsRandom).unwrap();
            for chunk in content.chunks(SOLID_FRAME_BYTES) {
                let id = ChunkId::of(&ID_KEY, chunk);
                let recipe = recipe::choose(chunk, &mut compressor).unwrap();
                let (frame, filter) = match recipe {
                    recipe::Recipe::Raw => (Frame::raw(chunk).unwrap(), Filter::None),
                    recipe::Recipe::Zstd(filter) => {
                        (Frame::Zstd(compressor.frame(chunk, recipe::LEVEL, filter).unwrap()), filter)
                    }
                };
                pack.add_frame(frame, filter, &[(id, chunk.len() as u32)]);
            }
            pack.finish()
        };
        let mut verifier = PackVerifier::default();
        benches.bench_function("whole, verified", |b| {
            b.iter(|| verifier.verify(&fill(), &ID_KEY).unwrap());
        });
        let finished = fill();
        benches.bench_function("PackVerifier", |b| {
            b.iter(|| verifier.verify(black_box(&finished), &ID_KEY).unwrap());
        });
        benches.finish();
    }
}
