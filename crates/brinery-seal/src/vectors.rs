//! The published vectors, which an independent program made, and the known answers of the primitives.

use crate::key::{Cost, Ed25519PublicKey, Password};
use crate::{Algorithm, Key, KeyRing, Purpose, Reason, Sealer, Timestamp, Unsealer, hex};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const FILES: [&str; 5] = [
    include_str!("../tests/vectors/hmac-sha256.txt"),
    include_str!("../tests/vectors/blake3.txt"),
    include_str!("../tests/vectors/ed25519.txt"),
    include_str!("../tests/vectors/xchacha20-poly1305.txt"),
    include_str!("../tests/vectors/password.txt"),
];

struct Vector<'a>(HashMap<&'a str, &'a str>);

impl<'a> Vector<'a> {
    fn all() -> Vec<Vector<'static>> {
        let blocks = FILES.iter().flat_map(|file| file.split("\n\n"));
        let vectors: Vec<_> = blocks
            .map(|block| {
                Vector(
                    block
                        .lines()
                        .map(|line| line.split_once(':').map(|(k, v)| (k, v.trim())).unwrap())
                        .collect(),
                )
            })
            .collect();
        assert!(vectors.len() > 35);
        vectors
    }

    fn get(&self, name: &str) -> &'a str {
        self.0[name]
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get(name).split(' ')
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        self.get(name).parse().ok().map(Timestamp::from_unix)
    }

    fn keys(&self) -> Vec<Key> {
        let algorithm = Algorithm::from_name(self.get("algorithm")).unwrap();
        let key = |(id, secret): (&str, &str)| {
            let id = id.parse().unwrap();
            if algorithm == Algorithm::Password {
                let cost: Vec<u32> = self.list("cost").map(|number| number.parse().unwrap()).collect();
                let password = Password::new(bytes(secret)).unwrap();
                return Key::new(id, password.with_cost(Cost::new(cost[0], cost[1], cost[2]).unwrap()));
            }
            Key::from_bytes(algorithm, id, &bytes(secret).try_into().unwrap()).unwrap()
        };
        self.list("ids").zip(self.list("secrets")).map(key).collect()
    }

    fn content(&self) -> Vec<u8> {
        match self.get("content").strip_prefix("pattern ") {
            Some(len) => (0..len.parse().unwrap()).map(|i: usize| (i * 31 + i / 251) as u8).collect(),
            None => bytes(self.get("content")),
        }
    }

    fn purpose(&self) -> Purpose {
        self.get("purpose").parse().unwrap()
    }

    fn policy(&self) -> Option<[u8; 32]> {
        Some(self.get("policy")).filter(|&text| text != "none").map(|text| bytes(text).try_into().unwrap())
    }

    fn sealed(&self, keys: &[Key]) -> Vec<u8> {
        let mut sealer = Sealer::new(&keys[0], &self.purpose()).at(self.time("created").unwrap());
        sealer.salt = Some(bytes(self.get("salt")).try_into().unwrap());
        sealer = keys[1..].iter().fold(sealer, Sealer::and_by);
        sealer = self.time("expires").into_iter().fold(sealer, Sealer::expires);
        sealer = self.policy().into_iter().fold(sealer, Sealer::policy);
        sealer.seal(&self.content()).unwrap()
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn sealing_gives_the_bytes_of_the_vectors() {
    for vector in Vector::all() {
        let name = (vector.get("algorithm"), vector.get("name"));
        let sealed = vector.sealed(&vector.keys());
        if let Some(expected) = vector.0.get("sealed") {
            assert_eq!(hex::encode(&sealed), *expected, "{name:?}");
        }
        assert_eq!(sealed.len().to_string(), vector.get("length"), "{name:?}");
        assert_eq!(hex::encode(&Sha256::digest(&sealed)), vector.get("sha256"), "{name:?}");
    }
}

#[test]
fn the_vectors_open() {
    for vector in Vector::all() {
        let name = (vector.get("algorithm"), vector.get("name"));
        let keys = vector.keys();
        // Long ones are the same as in the vector: the test above compares their digests.
        let sealed = vector.0.get("sealed").map_or_else(|| vector.sealed(&keys), |text| bytes(text));
        let mut ring = KeyRing::new();
        if vector.0.contains_key("public") {
            for (id, public) in vector.list("ids").zip(vector.list("public")) {
                let public = Ed25519PublicKey::from_bytes(&bytes(public).try_into().unwrap()).unwrap();
                ring.add(Key::new(id.parse().unwrap(), public)).unwrap();
            }
        } else {
            ring.add(keys[0].clone()).unwrap();
        }
        let unsealer = Unsealer::new(&ring, &vector.purpose())
            .at(vector.time("created").unwrap())
            .required_signatures(keys.len() as u8);
        let unsealer = vector.policy().into_iter().fold(unsealer, Unsealer::policy);
        assert!(unsealer.unseal(&sealed).unwrap() == vector.content(), "{name:?}");

        let mut reader = unsealer.reader(&sealed[..]).unwrap();
        assert_eq!(reader.header().created(), vector.time("created").unwrap());
        assert_eq!(reader.header().expires(), vector.time("expires"));
        assert_eq!(reader.header().policy().copied(), vector.policy());
        assert_eq!(reader.header().algorithm().name(), vector.get("algorithm"));
        assert_eq!(
            reader.signers().iter().map(crate::KeyId::as_str).collect::<Vec<_>>().join(" "),
            vector.get("ids")
        );
        std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        reader.expect_end().unwrap();

        if let Some(expires) = vector.time("expires") {
            let late = Unsealer::new(&ring, &vector.purpose()).at(expires).unseal(&sealed).unwrap_err();
            assert_eq!(late.reason(), Reason::Expired);
        }
    }
}

/// RFC 4231, RFC 8032, draft-irtf-cfrg-xchacha-03, RFC 9106 and BLAKE3's own: whatever the crates are built from gives
/// the known answers.
mod known_answers {
    use super::{bytes, hex};
    use chacha20poly1305::aead::AeadInOut;
    use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
    use ed25519_dalek::{Signer, SigningKey};
    use hmac::{Hmac, Mac};

    #[test]
    fn hmac_sha256() {
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(&mac.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn blake3_keyed() {
        let hash = blake3::keyed_hash(b"whats the Elvish word for friend", b"");
        assert_eq!(
            hex::encode(hash.as_bytes()),
            "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"
        );
    }

    #[test]
    fn ed25519() {
        let secret = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SigningKey::from_bytes(&secret.try_into().unwrap());
        assert_eq!(
            hex::encode(key.verifying_key().as_bytes()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(
            hex::encode(&key.sign(b"").to_bytes()),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
    }

    #[test]
    fn xchacha20_poly1305() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
        let nonce: [u8; 24] = std::array::from_fn(|i| 0x40 + i as u8);
        let mut text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
            sunscreen would be it."
                .to_vec();
        let tag = XChaCha20Poly1305::new(&key.into())
            .encrypt_inout_detached(
                &nonce.into(),
                &bytes("50515253c0c1c2c3c4c5c6c7"),
                text.as_mut_slice().into(),
            )
            .unwrap();
        assert_eq!(hex::encode(&tag), "c0875924c1c7987947deafd8780acf49");
        assert_eq!(hex::encode(&text[..16]), "bd6d179d3e83d43b9576579493c0e939");
    }

    #[test]
    fn argon2id() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let argon2 = argon2::Argon2::new_with_secret(
            &[3; 8],
            argon2::Algorithm::Argon2id,
            argon2::Version::V0x13,
            params,
        );
        let mut key = [0; 32];
        argon2.unwrap().hash_password_into(&[1; 32], &[2; 16], &mut key).unwrap();
        assert_eq!(hex::encode(&key), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }
}
