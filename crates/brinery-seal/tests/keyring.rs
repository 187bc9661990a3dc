//! Key rings as text and as files.

mod common;

use brinery_seal::{Algorithm, Key, KeyRing, Reason, Sealer, State, Timestamp, Unsealer};
use common::*;
use std::fs;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("brinery-seal-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::new();
    for algorithm in Algorithm::ALL.into_iter().filter(|&algorithm| algorithm != Algorithm::Password) {
        let key = key(algorithm, algorithm.name()).created_at(NOW).for_purpose(purpose());
        ring.add(key.for_purpose("größer = 2 # 3".parse().unwrap())).unwrap();
    }
    ring.add(key(Algorithm::Ed25519, "bob").public().unwrap().in_state(State::Revoked)).unwrap();
    ring.add(key(Algorithm::Blake3, "old").in_state(State::AcceptUntil(NOW.plus(5)))).unwrap();
    ring.require_signatures(2).unwrap();
    ring
}

#[test]
fn a_ring_comes_back_from_its_text() {
    let text = ring().to_text().unwrap();
    let again = KeyRing::parse(&text).unwrap();
    assert_eq!(again.to_text().unwrap(), text);
    assert_eq!((again.keys().len(), again.required_signatures()), (6, 2));
    for (a, b) in ring().keys().iter().zip(again.keys()) {
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        assert_eq!(
            (a.secret_bytes(), a.public_bytes(), a.created()),
            (b.secret_bytes(), b.public_bytes(), b.created())
        );
    }
    // Windows' line ends, indents and comments.
    let decorated = text.replace('\n', "\r\n").replace("state", "# a comment\r\n  state");
    assert_eq!(KeyRing::parse(&decorated).unwrap().to_text().unwrap(), text);
}

#[test]
fn a_wrong_line_is_named_and_not_shown() {
    let secret = "5ec2e7".repeat(11) + "5e";
    let secret = &secret[..64];
    let key = format!("keyring = 1\n[key k1]\nalgorithm = blake3\nstate = active\nsecret = {secret}\n");
    assert!(KeyRing::parse(&key).is_ok());
    for (text, line) in [
        (String::new(), 0),
        (format!("{secret}\n"), 1),
        (format!("secret = {secret}\n"), 1),
        ("[key k1]\n".into(), 1),
        ("keyring = 2\n".into(), 1),
        ("keyring = 1\nkeyring = 1\n".into(), 2),
        ("keyring = 1\nsignatures = 0\n".into(), 2),
        ("keyring = 1\nsignatures = 17\n".into(), 2),
        ("keyring = 1\nsignatures = +2\n".into(), 2),
        ("keyring = 1\nsignatures = 2\nsignatures = 2\n".into(), 3),
        ("keyring = 1\nother = 2\n".into(), 2),
        ("keyring = 1\n[k1]\n".into(), 2),
        ("keyring = 1\n[key k 1]\n".into(), 2),
        ("keyring = 1\n[key k1\n".into(), 2),
        (key.replace("blake3", "md5"), 3),
        (key.replace("blake3", "password"), 3),
        (key.replace("active", "Active"), 4),
        (key.replace("active", "accept-until"), 4),
        (key.replace("active", "accept-until tomorrow"), 4),
        (key.replace("active", "revoked 2026-01-01"), 4),
        (key.replace(secret, &secret[1..]), 5),
        (key.replace(secret, &secret.replace('5', "g")), 5),
        (key.replace("secret", "Secret"), 5),
        (key.replace("secret = ", "secret "), 5),
        (format!("{key}secret = {secret}\n"), 6),
        (format!("{key}state = active\n"), 6),
        (format!("{key}algorithm = blake3\n"), 6),
        (format!("{key}purpose =\n"), 6),
        (format!("{key}created = now\n"), 6),
        (format!("{key}public = {secret}\n"), 2),
        (format!("{key}{}", &key[12..]), 6),
        (format!("{key}{}", key[12..].replace("k1", "k2")), 6),
        (key.replace("algorithm = blake3\n", ""), 2),
        (key.replace("state = active\n", ""), 2),
        (key.replace(&format!("secret = {secret}\n"), ""), 2),
        (key.replace("blake3", "ed25519").replace("secret", "public").replace(secret, &"0".repeat(64)), 2),
        (
            key.replace("blake3", "ed25519")
                + "public = d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n",
            2,
        ),
    ] {
        let error = KeyRing::parse(&text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.reason(), Reason::BadKeyRing, "{text}{error}");
        assert!(line == 0 || shown.starts_with(&format!("line {line}: ")), "{text}{error}");
        assert!(!shown.contains("5ec2e7") && !shown.contains("c2e75e"), "{error}");
    }
}

#[test]
fn a_key_has_one_name() {
    let mut ring = KeyRing::new();
    let alice = key(Algorithm::Ed25519, "alice");
    ring.add(alice.public().unwrap()).unwrap();
    assert_eq!(ring.add(alice.clone()).unwrap_err().reason(), Reason::BadKeyRing);
    let alias = Key::new(id("alias"), alice.material().clone());
    assert_eq!(ring.add(alias).unwrap_err().reason(), Reason::BadKeyRing);
}

#[test]
fn a_key_follows_another() {
    let mut ring = KeyRing::new();
    ring.add(key(Algorithm::HmacSha256, "a").for_purpose(purpose())).unwrap();
    let sealed = Sealer::from_ring(&ring, &purpose()).unwrap().at(NOW).seal(b"content").unwrap();
    ring.rotate(&id("a"), id("b"), NOW, NOW.plus(100)).unwrap();
    assert_eq!(ring.sealing_key(&purpose()).unwrap().id(), &id("b"));
    assert_eq!(ring.get(&id("b")).unwrap().purposes(), [purpose()]);
    let open =
        |ring: &KeyRing, at| Unsealer::new(ring, &purpose()).at(at).unseal(&sealed).map_err(|e| e.reason());
    assert!(open(&ring, NOW.plus(99)).is_ok());
    assert_eq!(open(&ring, NOW.plus(100)), Err(Reason::RetiredKey));
    ring.set_state(&id("a"), State::Revoked).unwrap();
    assert_eq!(open(&ring, NOW), Err(Reason::RevokedKey));
    // What is revoked stays so, and is not followed.
    assert!(ring.set_state(&id("a"), State::Active).is_err());
    assert!(ring.rotate(&id("a"), id("c"), NOW, NOW).is_err());
    assert!(ring.rotate(&id("x"), id("c"), NOW, NOW).is_err());
    assert!(ring.rotate(&id("b"), id("a"), NOW, NOW).is_err(), "the name is taken");
    assert_eq!(ring.get(&id("b")).unwrap().state(), State::Active, "a failed rotation changes nothing");
    assert_eq!(ring.sealing_key(&"other".parse().unwrap()).unwrap_err().reason(), Reason::NoSealingKey);
    assert_eq!(KeyRing::new().sealing_key(&purpose()).unwrap_err().reason(), Reason::NoSealingKey);
}

#[test]
fn a_ring_survives_in_a_file() {
    let folder = Folder::new("file");
    let path = folder.0.join("keys");
    ring().create(&path).unwrap();
    assert_eq!(KeyRing::load(&path).unwrap().to_text().unwrap(), ring().to_text().unwrap());
    let error = ring().create(&path).unwrap_err();
    assert_eq!(error.reason(), Reason::Io, "an existing file is not overwritten");
    assert!(error.to_string().ends_with("the file exists"), "{error}");
    KeyRing::update(&path, |ring| ring.set_state(&id("blake3"), State::Revoked)).unwrap();
    assert_eq!(KeyRing::load(&path).unwrap().get(&id("blake3")).unwrap().state(), State::Revoked);
    // A change that fails leaves the file as it was.
    let before = fs::read(&path).unwrap();
    assert!(
        KeyRing::update(&path, |ring| ring.rotate(&id("blake3"), id("x"), NOW, NOW).map(|_| ())).is_err()
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left beside it");

    assert_eq!(
        KeyRing::load(folder.0.join("none")).unwrap_err().to_string().rsplit(": ").next(),
        Some("no such file")
    );
    assert_eq!(KeyRing::load(&folder.0).unwrap_err().reason(), Reason::Io);
    fs::write(folder.0.join("noise"), [0xff; 100]).unwrap();
    assert_eq!(KeyRing::load(folder.0.join("noise")).unwrap_err().reason(), Reason::BadKeyRing);
    fs::write(folder.0.join("huge"), "#".repeat(2 << 20)).unwrap();
    assert_eq!(KeyRing::load(folder.0.join("huge")).unwrap_err().reason(), Reason::BadKeyRing);
}

#[cfg(unix)]
#[test]
fn a_file_with_secrets_is_its_owners_alone() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new("mode");
    let path = folder.0.join("keys");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let set = |path: &PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    ring().create(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    KeyRing::update(&path, |_| Ok(())).unwrap();
    assert_eq!(mode(&path), 0o600);
    for exposed in [0o640, 0o604, 0o660, 0o606, 0o610, 0o601, 0o620, 0o602, 0o777] {
        set(&path, exposed);
        let error = KeyRing::load(&path).unwrap_err();
        assert_eq!(error.reason(), Reason::ExposedKeys, "{exposed:o}");
        assert!(error.to_string().contains(&format!("(mode {exposed:04o})")), "{error}");
        assert_eq!(error.hint().unwrap(), format!("chmod go-rwx {}", path.display()));
        assert!(KeyRing::update(&path, |_| Ok(())).is_err());
    }
    set(&path, 0o400);
    assert!(KeyRing::load(&path).is_ok());

    let public = folder.0.join("public");
    ring().public().create(&public).unwrap();
    set(&public, 0o644);
    assert!(KeyRing::load(&public).is_ok());
    for exposed in [0o664, 0o646] {
        set(&public, exposed);
        assert_eq!(KeyRing::load(&public).unwrap_err().reason(), Reason::ExposedKeys, "{exposed:o}");
    }

    // A link stays one.
    let link = folder.0.join("link");
    symlink("keys", &link).unwrap();
    KeyRing::update(&link, |ring| ring.set_state(&id("old"), State::Revoked)).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(KeyRing::load(&path).unwrap().get(&id("old")).unwrap().state(), State::Revoked);
}

#[test]
fn no_change_is_lost_when_many_change_a_ring() {
    let folder = Folder::new("many");
    let path = folder.0.join("keys");
    KeyRing::new().create(&path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for number in 0..10 {
                    let name = id(&format!("{thread}-{number}"));
                    KeyRing::update(path, |ring| ring.add(Key::generate(Algorithm::Blake3, name)?)).unwrap();
                }
            });
        }
    });
    assert_eq!(KeyRing::load(&path).unwrap().keys().len(), 40);
}

#[test]
fn a_date_that_cannot_be_read_is_not_written() {
    let folder = Folder::new("date");
    let path = folder.0.join("keys");
    ring().create(&path).unwrap();
    let before = fs::read(&path).unwrap();
    for time in [Timestamp::from_unix(i64::MAX), Timestamp::from_unix(i64::MIN)] {
        let state = State::AcceptUntil(time);
        let error = KeyRing::update(&path, |ring| ring.set_state(&id("blake3"), state)).unwrap_err();
        assert_eq!(error.reason(), Reason::BadArgument);
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn public_rings_have_no_secrets() {
    let public = ring().public();
    assert_eq!(public.keys().len(), 2);
    assert_eq!(public.required_signatures(), 2);
    assert!(!public.has_secrets());
    let text = public.to_text().unwrap();
    assert!(!text.contains("secret =") && text.contains("state = revoked"));
}
