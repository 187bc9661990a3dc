//! Streams without the memo entries that nobody fetches, as `pickletools.optimize` writes them.

use super::argument::{ArgumentValue, Limits};
use super::genops::{Genops, GenopsError, Operation};
use super::memo::{MemoKey, MemoMap, MemoSet};
use crate::opcode::Opcode;
use crate::read::HIGHEST_PROTOCOL;
use crate::write::{Emitter, FRAME_SIZE_TARGET};
use std::fmt;

/// Why a stream cannot be optimized; the texts are those of `pickletools`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptimizeError {
    /// The stream cannot be decoded.
    Decode(GenopsError),
    /// The stream declares a protocol that is not known.
    Protocol,
    /// An index is fetched before it is stored: a `TypeError` in `pickletools`.
    MemoMissing,
}

impl fmt::Display for OptimizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptimizeError::Decode(error) => error.fmt(f),
            OptimizeError::Protocol => write!(f, "pickle protocol must be <= {HIGHEST_PROTOCOL}"),
            OptimizeError::MemoMissing => {
                f.write_str("'<' not supported between instances of 'NoneType' and 'int'")
            }
        }
    }
}

impl std::error::Error for OptimizeError {}

/// A part of the result.
enum Part<'de> {
    Put(MemoKey),
    Get(MemoKey),
    Copy(&'de [u8]),
}

/// Rewrites the stream at the start of `input` without memo entries that are never fetched, in frames of its own.
///
/// ```
/// let list = b"\x80\x02]q\x00(K\x01K\x02e.";
/// assert_eq!(brinery::inspect::optimize(list, Default::default()).unwrap(), b"\x80\x02](K\x01K\x02e.");
/// ```
pub fn optimize(input: &[u8], limits: Limits) -> Result<Vec<u8>, OptimizeError> {
    let mut stored = MemoSet::default();
    let mut fetched = MemoMap::default();
    let mut parts = Vec::new();
    let mut header: &[u8] = &[];
    let mut protocol = 0;
    for operation in Genops::with_base(input, 0, limits) {
        let operation = operation.map_err(OptimizeError::Decode)?;
        let bytes = &input[operation.offset as usize..operation.end as usize];
        match operation.opcode {
            Opcode::Put | Opcode::BinPut | Opcode::LongBinPut | Opcode::Memoize => {
                let key = MemoKey::of(&operation.argument).unwrap_or(MemoKey::Small(stored.len() as i64));
                stored.insert(key.clone());
                parts.push(Part::Put(key));
            }
            Opcode::Get | Opcode::BinGet | Opcode::LongBinGet => {
                protocol = protocol.max(operation.opcode.info().protocol);
                if let Some(key) = MemoKey::of(&operation.argument) {
                    fetched.insert(key.clone(), None);
                    parts.push(Part::Get(key));
                }
            }
            Opcode::Frame => {}
            Opcode::Proto => {
                protocol = protocol.max(declared(&operation));
                if operation.offset == 0 { header = bytes } else { parts.push(Part::Copy(bytes)) }
            }
            _ => parts.push(Part::Copy(bytes)),
        }
    }
    if protocol > HIGHEST_PROTOCOL {
        return Err(OptimizeError::Protocol);
    }
    write(header, protocol, &parts, &mut fetched)
}

fn declared(operation: &Operation<'_>) -> u8 {
    match operation.argument {
        ArgumentValue::Int(protocol) => u8::try_from(protocol).unwrap_or(u8::MAX),
        _ => 0,
    }
}

/// Writes the parts; `fetched` has the indexes that are fetched and learns where they stand now.
fn write(
    header: &[u8],
    protocol: u8,
    parts: &[Part<'_>],
    fetched: &mut MemoMap<Option<usize>>,
) -> Result<Vec<u8>, OptimizeError> {
    let mut emitter = Emitter::new(Vec::new(), protocol);
    emitter.raw(header);
    emitter.resume();
    let mut count = 0;
    for part in parts {
        if let Part::Put(key) = part
            && !fetched.contains_key(key)
        {
            continue;
        }
        if emitter.boundary() {
            emitter.resume();
        }
        match part {
            Part::Put(key) => {
                emitter.memoize(count).map_err(|_| OptimizeError::MemoMissing)?;
                fetched.insert(key.clone(), Some(count));
                count += 1;
            }
            Part::Get(key) => match fetched.get(key).copied().flatten() {
                Some(index) => emitter.get(index).map_err(|_| OptimizeError::MemoMissing)?,
                // Protocol 0 writes the missing index as Python writes None.
                None if protocol == 0 => emitter.line(Opcode::Get, b"None"),
                None => return Err(OptimizeError::MemoMissing),
            },
            Part::Copy(bytes) if bytes.len() > FRAME_SIZE_TARGET => emitter.apart(bytes),
            Part::Copy(bytes) => emitter.raw(bytes),
        }
    }
    emitter.finish();
    Ok(emitter.into_buffer())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optimized(input: &[u8]) -> Vec<u8> {
        optimize(input, Limits::default()).unwrap()
    }

    #[test]
    fn what_is_fetched_stays_and_moves_up() {
        assert_eq!(optimized(b"]q\0]q\x05h\x05\x86."), b"]]q\0h\0\x86.");
        assert_eq!(optimized(b"(lp0\n(lp7\ng7\n\x86."), b"(l(lp0\ng0\n\x86.");
        assert_eq!(
            optimized(b"\x80\x04N\x94N\x94h\x01\x86."),
            b"\x80\x04\x95\x07\0\0\0\0\0\0\0NN\x94h\0\x86."
        );
    }

    #[test]
    fn frames_are_drawn_anew() {
        let two_frames = b"\x80\x04\x95\x01\0\0\0\0\0\0\0]\x95\x01\0\0\0\0\0\0\0.";
        // Less than four bytes need no frame.
        assert_eq!(optimized(two_frames), b"\x80\x04].");
        let mut large = b"\x80\x04]B\x01\0\x01\0".to_vec();
        large.resize(large.len() + 0x1_0001, 7);
        large.extend(b"a.");
        assert_eq!(optimized(&large), large);
    }

    #[test]
    fn what_cannot_be_rewritten_is_refused() {
        let error = |input: &[u8]| optimize(input, Limits::default()).unwrap_err().to_string();
        assert_eq!(error(b"\x80\x09N."), "pickle protocol must be <= 5");
        assert!(error(b"h\0.").contains("NoneType"));
        // Below protocol 1 a missing index is written as Python writes None.
        assert_eq!(optimized(b"g0\n."), b"gNone\n.");
    }
}
