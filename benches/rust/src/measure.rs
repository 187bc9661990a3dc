//! Paired measurement: the sides take turns, and what counts is the ratio within a round.

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;

/// The processor time that this thread has used: what other processes do counts little.
fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// One way to do the work.
pub struct Side<'a> {
    pub name: &'static str,
    run: Box<dyn FnMut() -> f64 + 'a>,
}

impl<'a> Side<'a> {
    /// Does `work` so many times; dropping what it makes is not measured.
    pub fn new<T: 'a>(name: &'static str, times: usize, work: impl Fn() -> T + 'a) -> Self {
        let run = move || {
            let mut made = Vec::with_capacity(times);
            // A large request makes the allocator tidy up what others have freed, which is not this side's work.
            drop(black_box(Vec::<u8>::with_capacity(1 << 20)));
            let start = thread_time();
            for _ in 0..times {
                made.push(black_box(work()));
            }
            let time = thread_time() - start;
            drop(black_box(made));
            time.as_secs_f64() / times as f64
        };
        Side { name, run: Box::new(run) }
    }
}

/// The middle of some numbers, and the quarters around it.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| numbers[(part * (numbers.len() - 1) as f64).round() as usize];
        Spread { low: at(0.25), median: at(0.5), high: at(0.75) }
    }
}

/// A side's results.
pub struct Outcome {
    pub name: &'static str,
    /// Seconds.
    pub time: Spread,
    /// How many times as long as the first side it took.
    pub ratio: Spread,
}

/// Measures the sides in turn, in another order each round; the first two should be the same, to show the noise.
pub fn compare(mut sides: Vec<Side<'_>>, rounds: usize) -> Vec<Outcome> {
    let count = sides.len();
    for side in &mut sides {
        (side.run)();
    }
    let mut times = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let time = (sides[index].run)();
            times[index].push(time);
        }
    }
    let ratios = |other: &[f64]| Spread::of(other.iter().zip(&times[0]).map(|(b, a)| b / a).collect());
    let outcome = |(side, times): (&Side<'_>, &Vec<f64>)| Outcome {
        name: side.name,
        time: Spread::of(times.clone()),
        ratio: ratios(times),
    };
    sides.iter().zip(&times).map(outcome).collect()
}
