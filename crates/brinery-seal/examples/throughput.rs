//! How fast each algorithm seals and opens, on one thread:
//! `cargo run --release -p brinery-seal --example throughput`.

use brinery_seal::{Algorithm, Key, Purpose, Sealer, Unsealer};
use std::time::{Duration, Instant};

const SIZE: usize = 64 << 20;
const ROUNDS: usize = 7;

/// The best of some rounds, in MB/s.
fn rate(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let clock = || cpu_time().unwrap_or_else(|| start.elapsed());
    let mut round = |_| {
        let start = clock();
        work();
        clock().saturating_sub(start)
    };
    let best = (0..ROUNDS).map(&mut round).min().unwrap_or(Duration::MAX);
    SIZE as f64 / best.as_secs_f64() / 1e6
}

/// How long this thread has been running, where Linux says it: other programs do not count.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn main() -> brinery_seal::Result<()> {
    let purpose: Purpose = "throughput".parse()?;
    let content: Vec<u8> = (0..SIZE).map(|i| (i * 31 + i / 251) as u8).collect();
    println!("{:<20}{:>14}{:>14}", "MB/s of content", "seal", "open");
    for algorithm in Algorithm::ALL.into_iter().filter(|&algorithm| algorithm != Algorithm::Password) {
        let key = Key::generate(algorithm, "k1".parse()?)?;
        let sealed = Sealer::new(&key, &purpose).seal(&content)?;
        // Streams, so that no large buffer's first touch is measured.
        let seal = rate(|| {
            let mut writer = Sealer::new(&key, &purpose).writer(std::io::sink()).expect("a header");
            std::io::Write::write_all(&mut writer, &content).expect("a sink");
            writer.finish().expect("a sink");
        });
        let open = rate(|| {
            let mut reader = Unsealer::new(&key, &purpose).reader(&sealed[..]).expect("a header");
            while reader.next_chunk().expect("an envelope").is_some() {}
        });
        println!("{:<20}{seal:>14.0}{open:>14.0}", algorithm.name());
    }
    Ok(())
}
