//! Keys and envelopes for the tests.
#![allow(dead_code, unreachable_pub, reason = "each test file has its own copy and uses a part")]

use brinery_seal::{Algorithm, Cost, Key, KeyId, Password, Purpose, Sealer, Timestamp, Unsealer};

pub const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
pub const CHUNK: usize = 65_536;

pub fn id(text: &str) -> KeyId {
    text.parse().unwrap()
}

pub fn purpose() -> Purpose {
    "test".parse().unwrap()
}

/// A key of this name, always the same.
pub fn key(algorithm: Algorithm, name: &str) -> Key {
    if algorithm == Algorithm::Password {
        let password = Password::new(format!("the password {name}")).unwrap();
        return Key::new(id(name), password.with_cost(Cost::new(8192, 1, 1).unwrap()));
    }
    let mut secret = [algorithm.name().len() as u8; 32];
    secret[..name.len()].copy_from_slice(name.as_bytes());
    Key::from_bytes(algorithm, id(name), &secret).unwrap()
}

pub fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

pub fn seal(key: &Key, content: &[u8]) -> Vec<u8> {
    Sealer::new(key, &purpose()).at(NOW).seal(content).unwrap()
}

pub fn unsealer(key: &Key) -> Unsealer<'_> {
    Unsealer::new(key, &purpose()).at(NOW)
}

/// The parts of an envelope by one key: the header, and the chunks with their lengths and tags.
pub fn parts(sealed: &[u8], key: &Key) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (header_tag, chunk_tag) = match key.algorithm() {
        Algorithm::Ed25519 => (64, 64),
        Algorithm::HmacSha256 | Algorithm::Blake3 => (32, 32),
        _ => (32, 16),
    };
    let header = 104 + purpose().as_str().len() + 2 + key.id().as_str().len() + header_tag;
    let (header, mut rest) = sealed.split_at(header);
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[..4].try_into().unwrap()) & 0x7fff_ffff;
        let (chunk, after) = rest.split_at(4 + len as usize + chunk_tag);
        chunks.push(chunk.to_vec());
        rest = after;
    }
    (header.to_vec(), chunks)
}
