//! Pickles into Rust types and back: brinery beside serde-pickle, rmp-serde and `serde_json`.
//!
//! `cargo run --release -- [--rounds N] [--json FILE] [NAME…]` measures the workloads whose names contain one of the
//! words. `--inputs FOLDER` writes the pickles instead, for a look at them from Python.
//!
//! Each workload has brinery twice, so that the first ratio shows the noise. A ratio is how many times as long as
//! brinery a peer takes on the same values in its own format.

mod data;
mod facts;
mod measure;
mod workloads;

use measure::{Outcome, Spread, compare};
use std::{env, fs, path::Path, process::ExitCode};

struct Arguments {
    rounds: usize,
    json: Option<String>,
    inputs: Option<String>,
    words: Vec<String>,
}

fn arguments() -> Option<Arguments> {
    let mut given = Arguments { rounds: 15, json: None, inputs: None, words: Vec::new() };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => given.rounds = words.next()?.parse().ok().filter(|&rounds| rounds > 0)?,
            "--json" => given.json = Some(words.next()?),
            "--inputs" => given.inputs = Some(words.next()?),
            option if option.starts_with('-') => return None,
            _ => given.words.push(word),
        }
    }
    Some(given)
}

/// What is kept for the report.
#[derive(serde::Serialize)]
struct Row {
    name: &'static str,
    side: &'static str,
    /// The size of the pickle in bytes.
    size: usize,
    seconds: [f64; 3],
    /// To the first side's time; quartiles and median.
    ratio: [f64; 3],
}

fn numbers(spread: Spread) -> [f64; 3] {
    [spread.low, spread.median, spread.high]
}

fn show(name: &str, size: usize, outcomes: &[Outcome]) {
    let [first, again, peers @ ..] = outcomes else { return };
    let time = first.time.median;
    let speed = size as f64 / time / 1e6;
    let same = again.ratio;
    print!(
        "{name:<18}{:>10.3} ms{speed:>11.0} MB/s   A/A {:.2} ({:.2}–{:.2})",
        time * 1e3,
        same.median,
        same.low,
        same.high
    );
    for Outcome { name, ratio, .. } in peers {
        print!("   {name} {:.2} ({:.2}–{:.2})", ratio.median, ratio.low, ratio.high);
    }
    println!();
}

fn main() -> ExitCode {
    let Some(given) = arguments() else {
        eprintln!("usage: brinery-benches [--rounds N] [--json FILE] [--inputs FOLDER] [NAME…]");
        return ExitCode::from(2);
    };
    let inputs = workloads::Inputs::new();
    if let Some(folder) = &given.inputs {
        for (name, input) in &inputs.encoded {
            fs::write(Path::new(folder).join(format!("{name}.pickle")), &input.pickle).unwrap();
        }
        return ExitCode::SUCCESS;
    }
    let options = workloads::options();
    let mut rows = Vec::new();
    for workload in workloads::all(&inputs, &options) {
        if !given.words.is_empty() && !given.words.iter().any(|word| workload.name.contains(word.as_str())) {
            continue;
        }
        let (name, size) = (workload.name, workload.size);
        let outcomes = compare(workload.sides, given.rounds);
        show(name, size, &outcomes);
        rows.extend(outcomes.iter().map(|outcome| Row {
            name,
            side: outcome.name,
            size,
            seconds: numbers(outcome.time),
            ratio: numbers(outcome.ratio),
        }));
    }
    if let Some(file) = given.json {
        fs::write(file, serde_json::to_vec_pretty(&rows).unwrap()).unwrap();
    }
    ExitCode::SUCCESS
}
