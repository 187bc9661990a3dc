//! Whatever is done to an envelope, it is refused, and nothing of what was altered is given out.

mod common;

use brinery_seal::{Algorithm, Key, KeyRing, Reason, Sealer, Unsealer};
use common::*;
use std::io::Read;

/// Opens an envelope that was tampered with, in one go and in pieces. Returns why it is refused.
fn refused(key: &Key, sealed: &[u8], original: &[u8], what: &str) -> Reason {
    let reason = match unsealer(key).unseal(sealed) {
        Ok(_) => panic!("{}: {what} is not noticed", key.algorithm()),
        Err(error) => error.reason(),
    };
    // What a reader gives out before it fails is a beginning of the content.
    if let Ok(mut reader) = unsealer(key).reader(sealed) {
        let mut given = Vec::new();
        let failed = reader.read_to_end(&mut given).is_err();
        assert!(original.starts_with(&given), "{}: {what} is given out", key.algorithm());
        assert!(
            failed || reader.expect_end().is_err(),
            "{}: {what} is not noticed by a reader",
            key.algorithm()
        );
        assert!(!failed || reader.read(&mut [0]).is_err(), "a failed reader goes on");
    }
    assert!(reason.is_refusal(), "{reason:?}");
    reason
}

#[test]
fn every_byte_of_a_short_envelope_counts() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        let content = content(50);
        let sealed = seal(&key, &content);
        let masks: &[u8] = if algorithm == Algorithm::Password { &[1] } else { &[1, 0x80, 0xff] };
        for position in 0..sealed.len() {
            for mask in masks {
                let mut altered = sealed.clone();
                altered[position] ^= mask;
                refused(&key, &altered, &content, &format!("byte {position} ^ {mask:02x}"));
            }
        }
    }
}

#[test]
fn every_byte_of_the_frames_and_tags_of_a_long_envelope_counts() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        let content = content(2 * CHUNK + 10);
        let sealed = seal(&key, &content);
        let (header, chunks) = parts(&sealed, &key);
        let mut start = header.len();
        let slow = algorithm == Algorithm::Password;
        for chunk in &chunks {
            let len = chunk.len();
            // All around the content, and some of it.
            let end = len.saturating_sub(80).max(8);
            let positions = (0..8).chain((8..end).step_by(4001)).chain(end..len);
            for position in positions.step_by(if slow { 9 } else { 1 }) {
                let mut altered = sealed.clone();
                altered[start + position] ^= 0x40;
                refused(&key, &altered, &content, &format!("byte {position}"));
            }
            start += len;
        }
        assert_eq!(start, sealed.len());
    }
}

#[test]
fn an_envelope_cut_off_anywhere_is_refused_as_such() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        for (len, step) in [(0, 1), (50, 1), (CHUNK, 773), (2 * CHUNK + 10, 773)] {
            let content = content(len);
            let sealed = seal(&key, &content);
            let slow = if algorithm == Algorithm::Password { 29 } else { 1 };
            for cut in (0..sealed.len()).step_by(step * slow).chain([sealed.len() - 1]) {
                let reason = refused(&key, &sealed[..cut], &content, &format!("a cut at {cut}"));
                assert_eq!(reason, Reason::Truncated, "{algorithm} {cut}");
            }
        }
    }
}

#[test]
fn bytes_after_an_envelope_are_refused() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        for len in [0, 50, CHUNK] {
            let content = content(len);
            let sealed = seal(&key, &content);
            for more in [&b"\0"[..], b"anything", &sealed] {
                let longer = [&sealed[..], more].concat();
                assert_eq!(refused(&key, &longer, &content, "an appendix"), Reason::TrailingData);
            }
        }
    }
}

#[test]
fn chunks_cannot_be_moved_left_out_or_doubled() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        let content = content(3 * CHUNK + 10);
        let (header, chunks) = parts(&seal(&key, &content), &key);
        assert_eq!(chunks.len(), 4);
        for (order, reason) in [
            (&[1, 0, 2, 3][..], Reason::NotAuthentic),
            (&[0, 2, 1, 3], Reason::NotAuthentic),
            (&[0, 0, 1, 2, 3], Reason::NotAuthentic),
            (&[0, 1, 1, 2, 3], Reason::NotAuthentic),
            (&[0, 2, 3], Reason::NotAuthentic),
            (&[1, 2, 3], Reason::NotAuthentic),
            (&[3], Reason::NotAuthentic),
            (&[0, 1, 3], Reason::NotAuthentic),
            (&[0, 1, 2], Reason::Truncated),
            (&[0, 1, 2, 3, 3], Reason::TrailingData),
            (&[0, 1, 2, 3, 0], Reason::TrailingData),
        ] {
            let mixed = [header.clone(), order.iter().flat_map(|&i| chunks[i].clone()).collect()].concat();
            assert_eq!(
                refused(&key, &mixed, &content, &format!("{order:?}")),
                reason,
                "{algorithm} {order:?}"
            );
        }
    }
}

#[test]
fn a_chunk_cannot_become_the_last_or_cease_to_be_it() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        let content = content(2 * CHUNK);
        let (header, mut chunks) = parts(&seal(&key, &content), &key);
        chunks[0][3] ^= 0x80;
        let short = [&header[..], &chunks[0]].concat();
        assert_eq!(refused(&key, &short, &content, "an early end"), Reason::NotAuthentic);
        chunks[0][3] ^= 0x80;
        chunks[1][3] ^= 0x80;
        let open = [header, chunks.concat()].concat();
        assert_eq!(refused(&key, &open, &content, "no end"), Reason::NotAuthentic);
    }
}

#[test]
fn parts_of_another_envelope_do_not_fit() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        let content = content(CHUNK + 10);
        // The same key, purpose, time and content: only the salts differ.
        let (header, chunks) = parts(&seal(&key, &content), &key);
        let (other_header, other) = parts(&seal(&key, &content), &key);
        assert_ne!(header, other_header, "the salt is random");
        for mixed in [
            [&other_header[..], &chunks[0], &chunks[1]].concat(),
            [&header[..], &other[0], &chunks[1]].concat(),
            [&header[..], &chunks[0], &other[1]].concat(),
        ] {
            assert_eq!(refused(&key, &mixed, &content, "a foreign part"), Reason::NotAuthentic);
        }
    }
}

#[test]
fn a_content_has_one_spelling() {
    let key = key(Algorithm::Blake3, "k1");
    let (header, chunks) = parts(&seal(&key, b""), &key);
    assert_eq!(chunks.len(), 1);
    let (_, full) = parts(&seal(&key, &content(CHUNK)), &key);
    assert_eq!(full.len(), 1, "a full chunk is followed by no empty one");
    // Lengths that no writer writes, whatever their tags.
    for frame in [0_u32, 65_535, 65_537, 0x7fff_ffff, 0x8001_0001, 0xffff_ffff] {
        let forged = [&header[..], &frame.to_le_bytes(), &vec![0; 70_000]].concat();
        assert_eq!(refused(&key, &forged, b"", "a wrong length"), Reason::Malformed, "{frame:x}");
    }
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_envelopes() {
    for algorithm in Algorithm::ALL {
        let own = key(algorithm, "k1");
        for other in Algorithm::ALL.into_iter().filter(|&other| other != algorithm) {
            let foreign = seal(&key(other, "k1"), b"content");
            assert_eq!(refused(&own, &foreign, b"", "another algorithm"), Reason::AlgorithmMismatch);
        }
    }
}

#[test]
fn a_public_key_is_no_secret_for_another_algorithm() {
    // An attacker knows the public key and seals with it as if it were a shared secret.
    let alice = key(Algorithm::Ed25519, "alice");
    let public = alice.public_bytes().unwrap();
    for algorithm in [Algorithm::HmacSha256, Algorithm::Blake3, Algorithm::XChaCha20Poly1305] {
        let forger = Key::from_bytes(algorithm, id("alice"), &public).unwrap();
        let forged = seal(&forger, b"content");
        for reader in [&alice, &alice.public().unwrap()] {
            assert_eq!(refused(reader, &forged, b"", "a forgery"), Reason::AlgorithmMismatch);
        }
    }
}

#[test]
fn another_key_of_the_same_name_does_not_open() {
    for algorithm in Algorithm::ALL {
        let sealed = seal(&key(algorithm, "k1"), b"content");
        let other = match algorithm {
            Algorithm::Password => Key::new(id("k1"), brinery_seal::Password::new("another").unwrap()),
            _ => Key::from_bytes(algorithm, id("k1"), &[77; 32]).unwrap(),
        };
        assert_eq!(refused(&other, &sealed, b"", "another key"), Reason::NotAuthentic);
    }
}

#[test]
fn signatures_cannot_be_taken_away_swapped_or_renamed() {
    let keys = ["alice", "bob", "carol"].map(|name| key(Algorithm::Ed25519, name));
    let sealed =
        Sealer::new(&keys[0], &purpose()).and_by(&keys[1]).and_by(&keys[2]).at(NOW).seal(b"content").unwrap();
    let mut ring = KeyRing::new();
    for key in &keys {
        ring.add(key.public().unwrap()).unwrap();
    }
    let open = |sealed: &[u8], count| {
        Unsealer::new(&ring, &purpose())
            .required_signatures(count)
            .at(NOW)
            .unseal(sealed)
            .map_err(|e| e.reason())
    };
    assert_eq!(open(&sealed, 3).unwrap(), b"content");
    assert_eq!(open(&sealed, 4), Err(Reason::TooFewSignatures));

    let core = 104 + 4;
    let table = 1 + 6 + 4 + 6;
    let (tags, chunk) = (core + table, core + table + 3 * 64);
    // Without carol: her entry and both of her signatures.
    let mut two = sealed.clone();
    two.drain(chunk + 4 + 7 + 128..);
    two.drain(tags + 128..chunk);
    two.drain(core + 11..core + 17);
    two[core] = 2;
    assert_eq!(open(&two, 2).unwrap(), b"content");
    assert_eq!(open(&two, 3), Err(Reason::TooFewSignatures));
    // Bob's name in the place of carol's; alice's signature in the place of bob's.
    let mut renamed = sealed.clone();
    renamed[core + 12..core + 17].copy_from_slice(b"bobby");
    assert_eq!(open(&renamed, 3), Err(Reason::TooFewSignatures));
    assert_eq!(open(&renamed, 2).unwrap(), b"content", "an unknown signer is passed over");
    let mut swapped = sealed.clone();
    swapped.copy_within(tags..tags + 64, tags + 64);
    assert_eq!(
        open(&swapped, 1),
        Err(Reason::NotAuthentic),
        "a wrong signature by a known signer is refused"
    );
    // One signer twice.
    let mut doubled = two.clone();
    doubled.splice(core + 7..core + 11, *b"\x05alice");
    assert_eq!(open(&doubled, 2), Err(Reason::Malformed));
}

#[test]
fn every_byte_of_an_envelope_with_several_signers_counts() {
    let keys = ["alice", "bob"].map(|name| key(Algorithm::Ed25519, name));
    let mut ring = KeyRing::new();
    for key in &keys {
        ring.add(key.public().unwrap()).unwrap();
    }
    ring.require_signatures(2).unwrap();
    let sealed = Sealer::new(&keys[0], &purpose()).and_by(&keys[1]).at(NOW).seal(b"content").unwrap();
    let unsealer = Unsealer::new(&ring, &purpose()).at(NOW);
    assert_eq!(unsealer.unseal(&sealed).unwrap(), b"content");
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 1;
        assert!(unsealer.unseal(&altered).is_err(), "byte {position}");
    }
}
