//! Makes the sealed files of the sessions: `cargo run -p brinery-cli --example sealed_files FOLDER`.
//!
//! Salts are random, so that the files differ each time; what the sessions show of them does not.

use brinery_seal::{Algorithm, Key, KeyRing, Purpose, Sealer, State, Timestamp};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let at = |text: &str| text.parse::<Timestamp>();
    let made = at("2020-01-01T12:00:00Z")?;
    let key = |algorithm, id: &str| {
        Ok::<_, brinery_seal::Error>(Key::generate(algorithm, id.parse()?)?.created_at(made))
    };
    let (run, release): (Purpose, Purpose) = ("run".parse()?, "release".parse()?);

    let mac = key(Algorithm::HmacSha256, "runs-2020")?.for_purpose(run.clone()).for_purpose("cache".parse()?);
    let old = key(Algorithm::Blake3, "runs-2019")?;
    let lost = key(Algorithm::Blake3, "laptop")?;
    let encryption = key(Algorithm::XChaCha20Poly1305, "backup")?;
    let [alice, bob, eve] =
        [key(Algorithm::Ed25519, "alice")?, key(Algorithm::Ed25519, "bob")?, key(Algorithm::Ed25519, "eve")?];

    let pickle = std::fs::read("tests/sessions/pickles/run.pkl")?;
    let write = |name: &str, sealer: Sealer<'_>| -> Result<(), Box<dyn std::error::Error>> {
        Ok(std::fs::write(folder.join(name), sealer.at(made).seal(&pickle)?)?)
    };
    write("run.sealed", Sealer::new(&mac, &run))?;
    write("expired.sealed", Sealer::new(&mac, &run).expires(at("2020-02-01")?))?;
    write("old.sealed", Sealer::new(&old, &run))?;
    write("lost.sealed", Sealer::new(&lost, &run))?;
    write("secret.sealed", Sealer::new(&encryption, &run).policy([0x5e; 32]))?;
    write("one.sealed", Sealer::new(&alice, &release))?;
    write("both.sealed", Sealer::new(&alice, &release).and_by(&bob))?;
    write("stranger.sealed", Sealer::new(&eve, &release))?;
    let sealed = std::fs::read(folder.join("run.sealed"))?;
    let mut altered = sealed.clone();
    let last = altered.len() - 40;
    altered[last] ^= 1;
    std::fs::write(folder.join("altered.sealed"), altered)?;
    std::fs::write(folder.join("cut.sealed"), &sealed[..sealed.len() - 10])?;
    std::fs::write(folder.join("longer.sealed"), [&sealed[..], b"more"].concat())?;

    let mut ring = KeyRing::new();
    for key in [
        mac,
        old.in_state(State::AcceptUntil(at("2020-01-31")?)),
        lost.in_state(State::Revoked),
        encryption,
        alice.for_purpose(release.clone()),
    ] {
        ring.add(key)?;
    }
    let mut team = ring.public();
    team.add(bob.public()?)?;
    team.require_signatures(2)?;
    for (name, ring) in [("alice.keys", &ring), ("exposed.keys", &ring), ("team.keys", &team)] {
        let _ = std::fs::remove_file(folder.join(name));
        ring.create(folder.join(name))?;
    }
    Ok(())
}
