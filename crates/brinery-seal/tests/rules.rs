//! Purpose, time, policy, and the states of keys.

mod common;

use brinery_seal::{Algorithm, Cost, Key, KeyRing, Password, Purpose, Reason, Sealer, State, Unsealer};
use common::*;
use std::io::{Read, Write};

fn reason<T: std::fmt::Debug>(result: brinery_seal::Result<T>) -> Reason {
    result.unwrap_err().reason()
}

#[test]
fn what_is_sealed_opens_with_every_algorithm_and_length() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        for len in [0, 1, 50, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17] {
            let content = content(len);
            let sealed = seal(&key, &content);
            assert!(unsealer(&key).unseal(&sealed).unwrap() == content, "{algorithm} {len}");
            let has_plain = len >= 50 && sealed.windows(50).any(|window| window == &content[..50]);
            assert_eq!(has_plain, len >= 50 && !algorithm.is_encryption(), "{algorithm} {len}");
        }
    }
}

#[test]
fn nothing_opens_for_another_purpose() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm, "k1");
        let sealed = seal(&key, b"content");
        for other in ["tes", "test2", "Test", "tést", "x"] {
            let other: Purpose = other.parse().unwrap();
            assert_eq!(reason(Unsealer::new(&key, &other).at(NOW).unseal(&sealed)), Reason::WrongPurpose);
        }
    }
}

#[test]
fn a_key_keeps_to_its_purposes() {
    for algorithm in Algorithm::ALL {
        let free = key(algorithm, "k1");
        let bound = free.clone().for_purpose("other".parse().unwrap());
        assert_eq!(reason(Sealer::new(&bound, &purpose()).at(NOW).seal(b"")), Reason::KeyPurpose);
        assert_eq!(reason(unsealer(&bound).unseal(&seal(&free, b""))), Reason::KeyPurpose);
        let both = bound.for_purpose(purpose());
        assert_eq!(unsealer(&both).unseal(&seal(&both, b"content")).unwrap(), b"content");
    }
}

#[test]
fn time_is_kept() {
    let key = key(Algorithm::HmacSha256, "k1");
    let sealed = Sealer::new(&key, &purpose()).at(NOW).expires(NOW.plus(100)).seal(b"content").unwrap();
    let at = |offset: i64| Unsealer::new(&key, &purpose()).at(NOW.plus(offset)).unseal(&sealed);
    assert!(at(0).is_ok() && at(99).is_ok() && at(-60).is_ok());
    assert_eq!((reason(at(100)), reason(at(1_000_000))), (Reason::Expired, Reason::Expired));
    assert_eq!(reason(at(-61)), Reason::NotYetValid);
    for late in [0, -1] {
        let sealer = Sealer::new(&key, &purpose()).at(NOW).expires(NOW.plus(late));
        assert_eq!(reason(sealer.seal(b"")), Reason::BadArgument);
    }
}

#[test]
fn the_policy_is_the_one_that_is_asked_for() {
    let key = key(Algorithm::Blake3, "k1");
    let without = seal(&key, b"content");
    let with = Sealer::new(&key, &purpose()).at(NOW).policy([7; 32]).seal(b"content").unwrap();
    assert!(unsealer(&key).unseal(&with).is_ok());
    assert!(unsealer(&key).policy([7; 32]).unseal(&with).is_ok());
    assert_eq!(reason(unsealer(&key).policy([8; 32]).unseal(&with)), Reason::WrongPolicy);
    assert_eq!(reason(unsealer(&key).policy([7; 32]).unseal(&without)), Reason::WrongPolicy);
    assert_eq!(reason(unsealer(&key).policy([0; 32]).unseal(&without)), Reason::WrongPolicy);
}

#[test]
fn revoked_and_retired_keys_neither_seal_nor_open() {
    for algorithm in Algorithm::ALL {
        let active = key(algorithm, "k1");
        let sealed = seal(&active, b"content");
        let revoked = active.clone().in_state(State::Revoked);
        assert_eq!(reason(unsealer(&revoked).unseal(&sealed)), Reason::RevokedKey);
        assert_eq!(reason(Sealer::new(&revoked, &purpose()).at(NOW).seal(b"")), Reason::RevokedKey);
        let retired = active.clone().in_state(State::AcceptUntil(NOW.plus(10)));
        assert!(unsealer(&retired).unseal(&sealed).is_ok());
        assert_eq!(reason(unsealer(&retired).at(NOW.plus(10)).unseal(&sealed)), Reason::RetiredKey);
        assert_eq!(reason(Sealer::new(&retired, &purpose()).at(NOW).seal(b"")), Reason::RetiredKey);
    }
}

#[test]
fn a_key_must_be_known_by_its_name() {
    for algorithm in Algorithm::ALL {
        let sealed = seal(&key(algorithm, "k1"), b"content");
        assert_eq!(reason(unsealer(&key(algorithm, "k2")).unseal(&sealed)), Reason::UnknownKey);
        assert_eq!(reason(Unsealer::new(&KeyRing::new(), &purpose()).unseal(&sealed)), Reason::UnknownKey);
    }
}

#[test]
fn a_public_key_opens_and_does_not_seal() {
    let alice = key(Algorithm::Ed25519, "alice");
    let public = alice.public().unwrap();
    assert_eq!(unsealer(&public).unseal(&seal(&alice, b"content")).unwrap(), b"content");
    assert_eq!(reason(Sealer::new(&public, &purpose()).at(NOW).seal(b"")), Reason::NoSealingKey);
    assert_eq!(reason(key(Algorithm::Blake3, "k1").public()), Reason::BadArgument);
}

#[test]
fn signers_that_are_not_accepted_do_not_count() {
    let [alice, bob] = ["alice", "bob"].map(|name| key(Algorithm::Ed25519, name));
    let sealed = Sealer::new(&alice, &purpose()).and_by(&bob).at(NOW).seal(b"content").unwrap();
    let ring = |state: State, for_purpose: Option<&str>| {
        let mut ring = KeyRing::new();
        ring.add(alice.public().unwrap()).unwrap();
        let bob = bob.public().unwrap().in_state(state);
        let bob = for_purpose.into_iter().fold(bob, |bob, name| bob.for_purpose(name.parse().unwrap()));
        ring.add(bob).unwrap();
        ring
    };
    let open = |ring: &KeyRing, count| {
        let reader = Unsealer::new(ring, &purpose()).at(NOW).required_signatures(count);
        reader.unseal(&sealed).map_err(|error| error.reason())
    };
    assert!(open(&ring(State::Active, None), 2).is_ok());
    for ring in
        [ring(State::Revoked, None), ring(State::AcceptUntil(NOW), None), ring(State::Active, Some("other"))]
    {
        assert!(open(&ring, 1).is_ok());
        assert_eq!(open(&ring, 2), Err(Reason::TooFewSignatures));
    }
    // A shared secret is one key, however many are asked for.
    let shared = key(Algorithm::HmacSha256, "k1");
    assert_eq!(
        reason(unsealer(&shared).required_signatures(2).unseal(&seal(&shared, b""))),
        Reason::TooFewSignatures
    );
}

#[test]
fn only_different_signers_seal_together() {
    let [alice, bob] = ["alice", "bob"].map(|name| key(Algorithm::Ed25519, name));
    let shared = key(Algorithm::Blake3, "k1");
    let same = Key::new(id("alias"), alice.material().clone());
    for (first, second) in [(&alice, &alice), (&alice, &same), (&alice, &shared), (&shared, &alice)] {
        assert_eq!(
            reason(Sealer::new(first, &purpose()).and_by(second).at(NOW).seal(b"")),
            Reason::BadArgument
        );
    }
    let many: Vec<Key> = (0..17).map(|i| key(Algorithm::Ed25519, &format!("signer{i}"))).collect();
    let sealer =
        |count: usize| many[1..count].iter().fold(Sealer::new(&many[0], &purpose()).at(NOW), Sealer::and_by);
    assert!(sealer(16).seal(b"").is_ok());
    assert_eq!(reason(sealer(17).seal(b"")), Reason::BadArgument);
    assert!(Sealer::new(&bob, &purpose()).and_by(&alice).at(NOW).seal(b"").is_ok());
}

#[test]
fn a_costly_password_header_is_refused_before_it_costs() {
    let key = key(Algorithm::Password, "k1");
    let sealed = seal(&key, b"content");
    for (position, value) in [(92, u32::MAX), (92, 262_145), (92, 8191), (96, 9), (96, 0), (100, 9), (100, 0)]
    {
        let mut altered = sealed.clone();
        altered[position..position + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(reason(unsealer(&key).unseal(&altered)), Reason::Malformed);
    }
    let mut cheaper = sealed;
    cheaper[96] = 2;
    assert_eq!(reason(unsealer(&key).unseal(&cheaper)), Reason::NotAuthentic);
    assert!(
        Cost::new(8191, 1, 1).is_err() && Cost::new(8192, 9, 1).is_err() && Cost::new(8192, 1, 9).is_err()
    );
    assert_eq!(reason(Password::new("")), Reason::BadArgument);
}

#[test]
fn nothing_shows_a_secret() {
    let secret = [0xab; 32];
    for algorithm in
        [Algorithm::HmacSha256, Algorithm::Blake3, Algorithm::Ed25519, Algorithm::XChaCha20Poly1305]
    {
        let key = Key::from_bytes(algorithm, id("k1"), &secret).unwrap();
        let mut ring = KeyRing::new();
        ring.add(key.clone()).unwrap();
        let sealer = Sealer::new(&key, &purpose());
        let shown = format!("{key:?} {:?} {ring:?} {sealer:?} {:?}", key.material(), unsealer(&key));
        let shown = format!("{shown} {:?}", sealer.writer(Vec::new()).unwrap());
        assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
    }
    let password = Password::new("hunter2").unwrap();
    let shown = format!("{password:?} {:?}", Key::new(id("k1"), password.clone()));
    assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
}

#[test]
fn a_reader_takes_no_more_than_the_envelope() {
    let key = key(Algorithm::XChaCha20Poly1305, "k1");
    let mut file = Vec::new();
    for len in [10, CHUNK, 0] {
        let mut writer = Sealer::new(&key, &purpose()).at(NOW).writer(&mut file).unwrap();
        writer.write_all(&content(len)).unwrap();
        writer.finish().unwrap();
    }
    let mut rest = &file[..];
    for len in [10, CHUNK, 0] {
        let mut reader = unsealer(&key).reader(rest).unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == content(len));
        rest = reader.into_inner();
    }
    assert!(rest.is_empty());
}

#[test]
fn a_writer_that_is_not_finished_leaves_no_envelope() {
    let key = key(Algorithm::Blake3, "k1");
    let mut file = Vec::new();
    let mut writer = Sealer::new(&key, &purpose()).at(NOW).writer(&mut file).unwrap();
    writer.write_all(&content(2 * CHUNK)).unwrap();
    drop(writer);
    assert_eq!(reason(unsealer(&key).unseal(&file)), Reason::Truncated);
}

/// Gives and takes one byte at a time, with interruptions.
struct Slow<T>(T, bool);

impl<R: Read> Read for Slow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let len = buffer.len().min(1000);
        self.0.read(&mut buffer[..len])
    }
}

#[test]
fn slow_files_and_odd_pieces_make_no_difference() {
    let key = key(Algorithm::HmacSha256, "k1");
    let content = content(3 * CHUNK + 100);
    let mut writer = Sealer::new(&key, &purpose()).at(NOW).writer(Vec::new()).unwrap();
    for piece in content.chunks(4097) {
        writer.write_all(piece).unwrap();
    }
    let sealed = writer.finish().unwrap();
    let mut reader = unsealer(&key).reader(Slow(&sealed[..], false)).unwrap();
    let mut found = Vec::new();
    let mut piece = [0; 777];
    loop {
        match reader.read(&mut piece).unwrap() {
            0 => break,
            count => found.extend_from_slice(&piece[..count]),
        }
    }
    assert!(found == content);
    reader.expect_end().unwrap();
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let count = buffer.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_and_stays_one() {
    let key = key(Algorithm::XChaCha20Poly1305, "k1");
    assert_eq!(reason(Sealer::new(&key, &purpose()).writer(Full(10))), Reason::Io);
    let mut writer = Sealer::new(&key, &purpose()).at(NOW).writer(Full(CHUNK + 1000)).unwrap();
    assert!(writer.write_all(&content(3 * CHUNK)).is_err());
    assert!(writer.write_all(b"more").is_err());
    assert_eq!(writer.finish().err().unwrap().reason(), Reason::Io);
}
