//! A reader, however it cuts its input, gives what a slice gives.
#![no_main]

use brinery::{Graph, Options};
use libfuzzer_sys::fuzz_target;
use std::io::{BufReader, Read};

fuzz_target!(|input: &[u8]| {
    let Some((&capacity, input)) = input.split_first() else { return };
    let mut reader = BufReader::with_capacity(1 + usize::from(capacity), input);
    let read = Graph::from_reader(&mut reader);
    match (Options::new().graph_from_start(input), read) {
        (Ok((graph, rest)), Ok(read)) => {
            assert!(graph == read, "{graph}\n{read}");
            let mut left = Vec::new();
            reader.read_to_end(&mut left).unwrap();
            // A frame that claims more than the stream has is taken whole.
            assert!(rest.ends_with(&left));
        }
        (Err(slice), Err(read)) => {
            assert_eq!(slice.offset(), read.offset(), "{slice}\n{read}");
            assert_eq!(slice.opcode(), read.opcode(), "{slice}\n{read}");
        }
        (slice, read) => panic!("{slice:?}\n{read:?}"),
    }
});
