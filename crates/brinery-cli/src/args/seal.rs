//! The words of the commands that seal and open.

use brinery_seal::{Algorithm, KeyId, Purpose, Timestamp};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;

/// A point in time as the command line has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    At(Timestamp),
    In(i64),
}

impl When {
    pub(crate) fn after(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(time) => time,
            When::In(seconds) => now.plus(seconds),
        }
    }
}

/// Reads a date, or how long from now: `2027-01-31`, `2027-01-31T12:00:00Z`, `30d`, `12h`.
fn parse_when(text: &str) -> Result<When, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => {
            return text
                .parse()
                .map(When::At)
                .map_err(|_| "expected a date such as 2027-01-31, or 30d, 12h, 5m".into());
        }
    };
    let count: i64 =
        digits.parse().map_err(|_| "expected a number before the unit, such as 30d".to_owned())?;
    count.checked_mul(unit).filter(|&seconds| seconds > 0).map(When::In).ok_or_else(|| "out of range".into())
}

fn parse_digest(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "expected 64 hexadecimal digits".to_owned();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut digest = [0; 32];
    for (position, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * position..2 * position + 2], 16).map_err(|_| wrong())?;
    }
    Ok(digest)
}

fn algorithms() -> impl clap::builder::TypedValueParser<Value = Algorithm> {
    let names = Algorithm::ALL.map(Algorithm::name).into_iter().filter(|&name| name != "password");
    PossibleValuesParser::new(names).map(|name| Algorithm::from_name(&name).unwrap_or(Algorithm::HmacSha256))
}

/// Whose keys, and for what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Key options")]
pub(crate) struct Sealing {
    /// The file with the keys
    #[arg(short, long, value_name = "RING", value_hint = ValueHint::FilePath, required_unless_present = "password_file")]
    pub(crate) keys: Option<PathBuf>,
    /// Use the password in the first line of this file, and no keys
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "keys")]
    pub(crate) password_file: Option<PathBuf>,
    /// What it is sealed for: what was sealed for one purpose opens for no other
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) purpose: Purpose,
}

/// What is accepted.
#[derive(Debug, Args)]
pub(crate) struct Opening {
    #[command(flatten)]
    pub(crate) sealing: Sealing,
    /// How many signatures are wanted, if more than the ring asks for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(crate) signatures: Option<u8>,
    /// The policy for which it must have been sealed, by its digest
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    pub(crate) policy: Option<[u8; 32]>,
}

/// Sign or encrypt a file
///
/// Which of the two is a property of the key. A ring's last active key for the purpose seals, unless --key names others. The
/// result goes to the standard output unless told otherwise.
#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// The file; - is the standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: OsString,
    /// Write to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// From when on it is refused: a date, or how long from now, such as 30d or 12h
    #[arg(long, value_name = "WHEN", value_parser = parse_when)]
    pub(crate) expires: Option<When>,
    /// The policy under which it is to be loaded, by its digest
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    pub(crate) policy: Option<[u8; 32]>,
    /// Seal with this key; several times for several signatures
    #[arg(long, value_name = "ID", conflicts_with = "password_file")]
    pub(crate) key: Vec<KeyId>,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
}

/// Verify a sealed file and give out its content
///
/// With --output, the file is there only when all of it has been verified. On the standard output, each part comes after it has
/// been verified, and the exit code tells whether it was the whole.
#[derive(Debug, Args)]
pub(crate) struct Unseal {
    /// The file; - is the standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: OsString,
    /// Write to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Verify sealed files
///
/// Prints a line for each: who sealed it, when, until when it is good, and how much is in it.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The files; - is the standard input
    #[arg(value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<OsString>,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Make a key, in a new key ring or in one that is there
///
/// Prints the id of the new key. The file is readable by its owner only.
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The file with the keys
    #[arg(value_name = "RING", value_hint = ValueHint::FilePath)]
    pub(crate) ring: PathBuf,
    /// What the key is for: to authenticate with a shared secret (hmac-sha256, blake3), to sign (ed25519), to encrypt
    /// (xchacha20-poly1305)
    #[arg(short, long, value_name = "NAME", default_value = "hmac-sha256", value_parser = algorithms())]
    pub(crate) algorithm: Algorithm,
    /// The id of the key [default: a random one]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<KeyId>,
    /// A purpose that the key may be used for; several times for several, none for all
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) purpose: Vec<Purpose>,
    /// Let the new key take the place of this one: for the same algorithm and purposes
    #[arg(long, value_name = "ID", conflicts_with_all = ["algorithm", "purpose"])]
    pub(crate) rotate: Option<KeyId>,
    /// How long the replaced key is accepted: a date, or how long from now
    #[arg(long, value_name = "WHEN", value_parser = parse_when, default_value = "30d", requires = "rotate")]
    pub(crate) accept_until: When,
}

/// List the keys of a ring, or change them
///
/// Never prints a secret.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change"))]
pub(crate) struct Keys {
    /// The file with the keys
    #[arg(value_name = "RING", value_hint = ValueHint::FilePath)]
    pub(crate) ring: PathBuf,
    /// Revoke a key for good: nothing that it sealed opens any more
    #[arg(long, value_name = "ID", group = "change")]
    pub(crate) revoke: Option<KeyId>,
    /// Have a key seal nothing more, and open until a time
    #[arg(long, value_name = "ID", group = "change")]
    pub(crate) retire: Option<KeyId>,
    /// With --retire: a date, or how long from now
    #[arg(long, value_name = "WHEN", value_parser = parse_when, default_value = "30d", requires = "retire")]
    pub(crate) until: When,
    /// Add the keys of another ring, such as the public keys of others
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "change")]
    pub(crate) add: Option<PathBuf>,
    /// How many signatures a file must have
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), group = "change")]
    pub(crate) require: Option<u8>,
    /// Write the public keys to a new ring, for who shall check signatures
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "change")]
    pub(crate) public: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_from_now() {
        let now = Timestamp::from_unix(1000);
        let after = |text: &str| parse_when(text).map(|when| when.after(now).unix());
        assert_eq!(
            (after("5m"), after("1h"), after("2d"), after("1w")),
            (Ok(1300), Ok(4600), Ok(173_800), Ok(605_800))
        );
        assert_eq!(after("1970-01-02"), Ok(86_400));
        for text in ["", "d", "0d", "-1d", "1.5d", "5", "5y", "tomorrow", "99999999999999999d", "é"] {
            assert!(after(text).is_err(), "{text}");
        }
    }

    #[test]
    fn digests_have_64_digits() {
        assert_eq!(parse_digest(&"aF".repeat(32)), Ok([0xaf; 32]));
        for text in ["", "00", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32), &"0".repeat(65)] {
            assert!(parse_digest(text).is_err(), "{text}");
        }
    }
}
