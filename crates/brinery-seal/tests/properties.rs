//! What holds for any content, any cut of it and any bytes.

mod common;

use brinery_seal::{Algorithm, KeyRing, Sealer};
use common::*;
use proptest::prelude::*;
use std::io::{Read, Write};

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(
        &[Algorithm::HmacSha256, Algorithm::Blake3, Algorithm::Ed25519, Algorithm::XChaCha20Poly1305][..],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn contents_come_back_however_they_are_cut(
        algorithm in algorithm(),
        len in prop_oneof![0..2000_usize, CHUNK - 2..CHUNK + 3, 0..4 * CHUNK],
        pieces in prop::collection::vec(1..100_000_usize, 1..8),
    ) {
        let (key, content) = (key(algorithm, "k1"), content(len));
        let mut writer = Sealer::new(&key, &purpose()).at(NOW).writer(Vec::new()).unwrap();
        let mut rest = &content[..];
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*piece));
            writer.write_all(now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let sealed = writer.finish().unwrap();
        prop_assert_eq!(sealed.len(), seal(&key, &content).len());
        prop_assert!(unsealer(&key).unseal(&sealed).unwrap() == content);
        let mut found = vec![0; len];
        unsealer(&key).reader(&sealed[..]).unwrap().read_exact(&mut found).unwrap();
        prop_assert!(found == content);
    }

    #[test]
    fn no_change_goes_unnoticed(
        algorithm in algorithm(),
        len in 0..3000_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (key, content) = (key(algorithm, "k1"), content(len));
        let sealed = seal(&key, &content);
        let mut altered = sealed.clone();
        for (position, byte) in changes {
            let position = position.index(altered.len());
            altered[position] = byte;
        }
        if let Some(cut) = cut {
            altered.truncate(cut.index(altered.len()));
        }
        altered.extend_from_slice(&more);
        match unsealer(&key).unseal(&altered) {
            Ok(found) => prop_assert!(altered == sealed && found == content),
            Err(error) => prop_assert!(altered != sealed && error.reason().is_refusal()),
        }
    }

    #[test]
    fn any_bytes_are_refused(start in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = if start { [&b"\xf5BSEAL\r\n\x01"[..], &bytes].concat() } else { bytes };
        prop_assert!(unsealer(&key(Algorithm::Blake3, "k1")).unseal(&bytes).unwrap_err().reason().is_refusal());
    }

    #[test]
    fn any_text_is_a_ring_or_an_error(text in "(keyring = 1\n)?(\\[key [a-c]\\]\n|(state|algorithm|secret|purpose) = \\PC{0,9}\n|\\PC{0,20}\n){0,12}") {
        if let Ok(ring) = KeyRing::parse(&text) {
            let again = ring.to_text().unwrap();
            prop_assert_eq!(KeyRing::parse(&again).unwrap().to_text().unwrap(), again);
        }
    }
}
