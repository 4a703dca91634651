//! Repeated timing and one JSON line per measurement.

use std::hint::black_box;
use std::time::Instant;

/// One thing to time; what it returns (a count of bars, or a sum) is printed, so that it is not optimised away.
pub struct Subject<'a> {
    pub name: &'static str,
    pub dbps: Option<u32>,
    pub run: Box<dyn FnMut() -> u64 + 'a>,
}

/// Runs every subject `rounds` times, taking turns so that a slow moment hits all alike, and prints a line for each.
/// Returns the best ns per trade of each subject, in order.
pub fn compare(bench: &str, trades: usize, rounds: usize, subjects: &mut [Subject<'_>]) -> Vec<f64> {
    let mut samples = vec![Vec::with_capacity(rounds); subjects.len()];
    let mut results = vec![0; subjects.len()];
    for _ in 0..rounds {
        for ((subject, samples), result) in subjects.iter_mut().zip(&mut samples).zip(&mut results) {
            let started = Instant::now();
            *result = black_box((subject.run)());
            samples.push(started.elapsed().as_nanos() as f64 / trades as f64);
        }
    }
    let mut best = Vec::new();
    for ((subject, samples), result) in subjects.iter().zip(&mut samples).zip(results) {
        samples.sort_by(f64::total_cmp);
        best.push(samples[0]);
        let dbps = subject.dbps.map_or("null".to_owned(), |dbps| dbps.to_string());
        println!(
            "{{\"bench\":\"{bench}\",\"subject\":\"{}\",\"dbps\":{dbps},\"trades\":{trades},\"runs\":{rounds},\"best_ns\":{:.3},\"median_ns\":{:.3},\"result\":{result}}}",
            subject.name,
            samples[0],
            samples[rounds / 2],
        );
    }
    best
}
