//! Writes a pickle again in another protocol: `cargo run -p brinery --example protocol 2 < in.pickle > out.pickle`.

use brinery::Graph;
use std::io;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protocol =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).filter(|protocol| *protocol <= 5);
    let protocol = protocol.ok_or("which protocol? give a number from 0 to 5")?;
    let graph = Graph::from_reader(io::stdin().lock())?;
    eprintln!("{} objects", graph.len());
    graph.to_writer(io::stdout().lock(), protocol)?;
    Ok(())
}
