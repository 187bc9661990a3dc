//! The decoder takes every byte once and agrees with the machine about where a stream ends.
#![no_main]

use brinery::{Graph, Options, read::Decoder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new(input);
    let mut position = 0;
    let mut complete = true;
    for instruction in decoder.by_ref() {
        match instruction {
            Ok(instruction) => {
                assert_eq!(instruction.offset, position);
                assert!(instruction.end > position);
                position = instruction.end;
            }
            Err(error) => {
                assert_eq!(error.offset, position);
                complete = false;
            }
        }
    }
    if let Ok((_, rest)) = Options::new().graph_from_start(input) {
        assert!(complete);
        assert_eq!(rest, decoder.rest());
        assert_eq!(position, (input.len() - rest.len()) as u64);
    }
    let _ = Graph::from_slice(&input[position as usize..]);
});
