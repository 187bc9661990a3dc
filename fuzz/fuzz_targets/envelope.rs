//! No bytes open but those that were sealed, however they are read; a reader gives out only what was sealed.
#![no_main]

use brinery_seal::{Algorithm, Key, Purpose, Sealer, Timestamp, Unsealer};
use libfuzzer_sys::fuzz_target;
use std::io::Read;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

fuzz_target!(|input: (u8, Vec<u8>, Vec<(u16, u8)>, u16, Vec<u8>)| {
    let (choice, content, changes, cut, more) = input;
    let algorithms = [Algorithm::HmacSha256, Algorithm::Blake3, Algorithm::Ed25519, Algorithm::XChaCha20Poly1305];
    let algorithm = algorithms[usize::from(choice) % algorithms.len()];
    let id = "k1".parse().expect("an id");
    let key = Key::from_bytes(algorithm, id, &[7; 32]).expect("a key");
    let purpose: Purpose = "fuzz".parse().expect("a purpose");
    let unsealer = Unsealer::new(&key, &purpose).at(NOW);

    // Bytes that nobody sealed.
    assert!(unsealer.unseal(&content).is_err());
    assert!(unsealer.unseal(&[&brinery_seal::MAGIC[..], &[1], &content].concat()).is_err());

    // What was sealed, altered.
    let sealed = Sealer::new(&key, &purpose).at(NOW).seal(&content).expect("an envelope");
    let mut altered = sealed.clone();
    for (position, byte) in changes {
        let position = usize::from(position) % altered.len();
        altered[position] = byte;
    }
    altered.truncate(altered.len() - usize::from(cut) % altered.len());
    altered.extend_from_slice(&more);
    assert_eq!(unsealer.unseal(&altered).ok(), (altered == sealed).then(|| content.clone()));
    if let Ok(mut reader) = unsealer.reader(&altered[..]) {
        let mut given = Vec::new();
        let _ = reader.read_to_end(&mut given);
        assert!(content.starts_with(&given));
    }
});
