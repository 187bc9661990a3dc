//! Files are sealed, opened and their keys changed by the program.

use brinery_cli::{Stream, run};
use std::fs;
use std::path::{Path, PathBuf};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("brinery-cli-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs a command whose words with a slash in front name files of this folder.
    fn run(&self, command: &str) -> (u8, Vec<u8>, String) {
        let words = command.split(' ').map(|word| match word.strip_prefix('/') {
            Some(name) => self.path(name).into_os_string(),
            None => word.into(),
        });
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let words = std::iter::once("brinery".into()).chain(words);
        let code = run(words, Stream::new(&mut out), Stream::new(&mut err)).code();
        (code, out, String::from_utf8(err).unwrap())
    }

    fn ok(&self, command: &str) -> Vec<u8> {
        let (code, out, err) = self.run(command);
        assert_eq!(code, 0, "{command}: {err}");
        out
    }

    fn refused(&self, command: &str, text: &str) {
        let (code, _, err) = self.run(command);
        assert_eq!(code, 1, "{command}: {err}");
        assert!(err.contains(text), "{command}: {err}");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_come_back() {
    let folder = Folder::new("roundtrip");
    for algorithm in ["hmac-sha256", "blake3", "ed25519", "xchacha20-poly1305"] {
        let _ = fs::remove_file(folder.path("keys"));
        assert_eq!(folder.ok(&format!("keygen /keys -a {algorithm} --id k1")), b"k1\n");
        for len in [0, 100, 300_000, 3 << 16] {
            fs::write(folder.path("file"), content(len)).unwrap();
            folder.ok("seal /file -k /keys -p test -o /sealed --expires 1h");
            folder.ok("unseal /sealed -k /keys -p test -o /back");
            assert!(fs::read(folder.path("back")).unwrap() == content(len), "{algorithm} {len}");
            assert!(folder.ok("unseal /sealed -k /keys -p test") == content(len));
            let out = folder.ok("seal /file -k /keys -p test");
            fs::write(folder.path("sealed"), out).unwrap();
            let line = String::from_utf8(folder.ok("verify /sealed -k /keys -p test")).unwrap();
            assert!(line.contains(&format!("by k1 ({algorithm})")), "{line}");
        }
    }
    assert_eq!(names(&folder.0), ["back", "file", "keys", "sealed"]);
}

#[test]
fn a_refused_file_leaves_nothing_behind() {
    let folder = Folder::new("refused");
    folder.ok("keygen /keys -a blake3");
    let whole = content(200_000);
    fs::write(folder.path("file"), &whole).unwrap();
    folder.ok("seal /file -k /keys -p test -o /sealed");
    let sealed = fs::read(folder.path("sealed")).unwrap();
    fs::write(folder.path("back"), "what was there").unwrap();
    for (altered, text) in [
        (sealed[..sealed.len() - 1].to_vec(), "cut off"),
        ([&sealed[..], b"x"].concat(), "bytes follow"),
        (
            {
                let mut altered = sealed.clone();
                altered[150_000] ^= 1;
                altered
            },
            "chunk 2 of the content is not authentic",
        ),
    ] {
        fs::write(folder.path("altered"), altered).unwrap();
        folder.refused("unseal /altered -k /keys -p test -o /back", text);
        folder.refused("verify /altered -k /keys -p test", text);
        assert_eq!(fs::read(folder.path("back")).unwrap(), b"what was there");
        // The standard output has got what was verified, and the exit code tells that it is not the whole.
        let (code, out, _) = folder.run("unseal /altered -k /keys -p test");
        assert!(code == 1 && whole.starts_with(&out));
    }
    assert_eq!(names(&folder.0), ["altered", "back", "file", "keys", "sealed"]);
}

#[test]
fn a_password_seals_and_opens() {
    let folder = Folder::new("password");
    fs::write(folder.path("password"), "correct horse\nsecond line\n").unwrap();
    fs::write(folder.path("same"), "correct horse\r\n").unwrap();
    fs::write(folder.path("other"), "correct horsf").unwrap();
    fs::write(folder.path("none"), "\n").unwrap();
    fs::write(folder.path("file"), b"content").unwrap();
    folder.ok("seal /file --password-file /password -p test -o /sealed");
    assert_eq!(folder.ok("unseal /sealed --password-file /same -p test"), b"content");
    folder.refused("unseal /sealed --password-file /other -p test", "another password");
    let (code, _, err) = folder.run("seal /file --password-file /none -p test");
    assert!(code == 2 && err.ends_with("the password is empty\n"), "{err}");
}

#[test]
fn keys_follow_one_another_and_are_revoked() {
    let folder = Folder::new("rotation");
    fs::write(folder.path("file"), b"content").unwrap();
    folder.ok("keygen /keys --id first -p test");
    folder.ok("seal /file -k /keys -p test -o /old");
    assert_eq!(folder.ok("keygen /keys --rotate first --id second --accept-until 1d"), b"second\n");
    folder.ok("seal /file -k /keys -p test -o /new");
    let listed = String::from_utf8(folder.ok("keys /keys")).unwrap();
    assert!(listed.starts_with("first   hmac-sha256  secret  accept-until 2"), "{listed}");
    assert!(listed.contains("\nsecond  hmac-sha256  secret  active "), "{listed}");
    let line = String::from_utf8(folder.ok("verify /old /new -k /keys -p test")).unwrap();
    assert!(line.contains("by first") && line.contains("by second"));
    folder.ok("keys /keys --retire first --until 2020-01-01");
    folder.refused("verify /old -k /keys -p test", "was accepted until 2020-01-01T00:00:00Z");
    folder.ok("keys /keys --revoke second");
    folder.refused("verify /new -k /keys -p test", "'second', which is revoked");
    let (code, _, err) = folder.run("seal /file -k /keys -p test");
    assert!(code == 2 && err.contains("no active key"), "{err}");
    let text = fs::read_to_string(folder.path("keys")).unwrap();
    let secret = text.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap();
    assert!(!listed.contains(&secret[..8]));
}

#[test]
fn several_sign() {
    let folder = Folder::new("signers");
    fs::write(folder.path("file"), b"content").unwrap();
    for name in ["alice", "bob", "carol"] {
        folder.ok(&format!("keygen /{name} -a ed25519 --id {name}"));
        folder.ok(&format!("keys /{name} --public /{name}.pub"));
    }
    folder.ok("keys /alice --add /bob");
    folder.ok("seal /file -k /alice -p release --key alice --key bob -o /sealed");
    folder.ok("keys /carol.pub --add /alice.pub");
    folder.ok("keys /carol.pub --add /bob.pub");
    folder.ok("verify /sealed -k /carol.pub -p release --signatures 2");
    folder.refused("verify /sealed -k /carol.pub -p release --signatures 3", "by 2 of 3");
    folder.ok("keys /carol.pub --require 3");
    folder.refused("verify /sealed -k /carol.pub -p release", "by 2 of 3");
    let (code, _, err) = folder.run("seal /file -k /carol.pub -p release");
    assert!(code == 2 && err.contains("no active key"), "{err}");
}

#[cfg(unix)]
#[test]
fn key_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("mode");
    folder.ok("keygen /keys");
    folder.ok("keygen /keys");
    assert_eq!(fs::metadata(folder.path("keys")).unwrap().permissions().mode() & 0o777, 0o600);
}
