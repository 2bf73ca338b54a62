//! The limit on a clock made up by the test: bytes counted at the instants at which they may go.

use std::collections::BinaryHeap;
use std::time::Duration;

use super::rate::CATCH_UP;
use super::*;

/// Lives `seconds` of `uploads` bodies at a time, each slice sent when its slot begins and its timer fires up to
/// `late` after; gives the instants (after the begin) and sizes of all slices, in order.
fn live(rate: &ByteRate, uploads: u64, slice: u64, seconds: u64, late: Duration) -> Vec<(Duration, u64)> {
    let begin = Instant::now();
    let mut sent = Vec::new();
    let mut wakes: BinaryHeap<_> = (0..uploads).map(|upload| std::cmp::Reverse((begin, upload))).collect();
    let mut dice = 1u64;
    while let Some(std::cmp::Reverse((now, upload))) = wakes.pop() {
        if now > begin + Duration::from_secs(seconds) {
            continue;
        }
        let start = rate.reserve(now, slice).start;
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(upload + 1);
        let overslept = late.mul_f64((dice >> 40) as f64 / f64::from(1u32 << 24));
        let at = if start > now { start + overslept } else { now };
        sent.push((at - begin, slice));
        wakes.push(std::cmp::Reverse((at, upload)));
    }
    sent.sort();
    sent
}

#[test]
fn the_limit_holds_within_five_percent_for_any_number_of_uploads_and_late_timers() {
    for (limit, uploads, late_ms) in [
        (125_000, 1, 0),
        (125_000, 2, 12),
        (1_000_000, 1, 2),
        (1_000_000, 2, 15),
        (12_500_000, 4, 3),
        (12_500_000, 1, 20),
    ] {
        let rate = ByteRate::new(limit);
        let slice = rate.slice_bytes();
        let sent = live(&rate, uploads, slice, 60, Duration::from_millis(late_ms));
        let total: u64 = sent.iter().map(|(_, bytes)| bytes).sum();
        let share = total as f64 / 60.0 / limit as f64;
        assert!((share - 1.0).abs() < 0.05, "{limit} B/s, {uploads} uploads: {share:.3} of the limit");
        // Smooth: no second carries a tenth more, and each but the first and last carries most of its share.
        for second in 1..59 {
            let within = |at: &Duration| at.as_secs() == second;
            let bytes: u64 = sent.iter().filter(|(at, _)| within(at)).map(|(_, bytes)| bytes).sum();
            let share = bytes as f64 / limit as f64;
            assert!(
                (0.9..1.1).contains(&share),
                "{limit} B/s, {uploads} uploads: {share:.3} in second {second}"
            );
        }
    }
}

#[test]
fn slots_of_all_sizes_add_up_to_the_rate() {
    let rate = ByteRate::new(1_000_000);
    let begin = Instant::now();
    let sizes = [1u64, 4096, 700_001, 16_777_216, 33, 1_048_576];
    let total: u64 = sizes.iter().sum::<u64>() * 50;
    let mut end = begin;
    for _ in 0..50 {
        for size in sizes {
            let Slot { start, end: slot_end } = rate.reserve(begin, size);
            assert!(start >= end, "slots must not overlap");
            end = slot_end;
        }
    }
    let measured = total as f64 / (end - begin).as_secs_f64();
    assert!((measured / 1_000_000.0 - 1.0).abs() < 0.05, "{measured}");
}

#[test]
fn idle_time_is_not_saved_up() {
    let rate = ByteRate::new(1000);
    let begin = Instant::now();
    assert_eq!(rate.reserve(begin, 1000), Slot { start: begin, end: begin + Duration::from_secs(1) });
    let later = begin + Duration::from_secs(60);
    let start = later - CATCH_UP;
    assert_eq!(rate.reserve(later, 1000), Slot { start, end: start + Duration::from_secs(1) });
}

/// Only the floor of the time is asserted: a busy machine makes it longer, never shorter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_together_are_never_faster_than_the_rate() {
    use http_body::Body as _;
    let rate = Arc::new(ByteRate::new(20_000_000));
    let began = Instant::now();
    let bodies = (0..4u8).map(|fill| {
        let mut body = Box::pin(PacedBody::new(Bytes::from(vec![fill; 1_000_000]), rate.clone()));
        tokio::spawn(async move {
            assert_eq!(body.size_hint().exact(), Some(1_000_000));
            let mut got = Vec::new();
            while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
                let slice = frame.unwrap().into_data().unwrap();
                assert!(slice.len() <= 200_000, "{} bytes in a slice", slice.len());
                got.extend(slice);
            }
            assert!(body.is_end_stream() && got == vec![fill; 1_000_000]);
        })
    });
    for body in futures::future::join_all(bodies).await {
        body.unwrap();
    }
    let least = (4_000_000.0 - 200_000.0) / 20_000_000.0 - CATCH_UP.as_secs_f64();
    assert!(began.elapsed().as_secs_f64() >= least * 0.95);
}
