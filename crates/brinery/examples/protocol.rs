//! Writes pickles again in another protocol: `cargo run -p brinery --example protocol 2 < in.pickle > out.pickle`. There may be
//! several in one file.

use brinery::Graph;
use std::io::{self, BufRead, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protocol =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).filter(|protocol| *protocol <= 5);
    let protocol = protocol.ok_or("which protocol? give a number from 0 to 5")?;
    let (mut input, mut output) = (io::stdin().lock(), io::BufWriter::new(io::stdout().lock()));
    let (mut pickles, mut objects) = (0, 0);
    while !input.fill_buf()?.is_empty() {
        let graph = Graph::from_reader(&mut input)?;
        (pickles, objects) = (pickles + 1, objects + graph.len());
        graph.to_writer(&mut output, protocol)?;
    }
    output.flush()?;
    eprintln!("{pickles} pickles, {objects} objects");
    Ok(())
}
