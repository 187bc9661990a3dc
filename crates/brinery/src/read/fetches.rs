//! Which entries of the memo a stream is ever going to fetch.

use super::number;
use crate::opcode::byte;

/// The memo indexes that the rest of a stream fetches.
///
/// Writers store nearly every object in the memo and fetch few of them. A host that knows which ones need not keep the
/// others.
///
/// ```
/// use brinery::read::Fetches;
///
/// let mut fetches = Fetches::default();
/// assert!(fetches.scan(b"\x80\x04]\x94(]\x94h\x01e.", 0));
/// assert_eq!((fetches.contains(0), fetches.contains(1), fetches.end()), (false, true, 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fetches {
    flags: Vec<bool>,
}

/// What the opcodes of a part of a stream are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// How many opcodes there are.
    pub opcodes: usize,
    /// How many of them store in the memo.
    pub stores: usize,
    /// How many of them make an instance.
    pub instances: usize,
}

impl Fetches {
    /// Looks through a stream up to its `STOP`, where `stored` objects are in the memo already.
    ///
    /// The answer is `false`, and nothing is known, for a stream that is damaged or does not store under one index after
    /// the other, as all writers do.
    pub fn scan(&mut self, input: &[u8], stored: usize) -> bool {
        self.flags.clear();
        let flags = &mut self.flags;
        let mut stored = stored;
        let fetch = |index: usize, stored: usize| {
            // What has not been stored yet is missing: the stream is damaged.
            let known = index < stored;
            if known {
                set(flags, index);
            }
            known
        };
        walk(input, &mut stored, fetch, |_| true).is_some()
    }

    /// Notes that the entry at `index` is fetched, which was stored before.
    ///
    /// ```
    /// let mut fetches = brinery::read::Fetches::default();
    /// fetches.note(3);
    /// assert!(fetches.contains(3) && !fetches.contains(2));
    /// ```
    #[inline(always)]
    pub fn note(&mut self, index: usize) {
        set(&mut self.flags, index);
    }

    /// Whether the entry at `index` is fetched.
    #[inline(always)]
    pub fn contains(&self, index: usize) -> bool {
        self.flags.get(index).is_some_and(|&flag| flag)
    }

    /// How many entries there is room for without allocating.
    ///
    /// ```
    /// assert_eq!(brinery::read::Fetches::default().capacity(), 0);
    /// ```
    pub fn capacity(&self) -> usize {
        self.flags.capacity()
    }

    /// Beyond the last index that is fetched.
    pub fn end(&self) -> usize {
        self.flags.iter().rposition(|&flag| flag).map_or(0, |last| last + 1)
    }
}

impl Sample {
    /// Looks at the next opcodes of a stream, no more than about `most` of them.
    pub fn take(input: &[u8], most: usize) -> Self {
        let mut sample = Sample::default();
        let count = |opcode: u8| {
            sample.opcodes += 1;
            sample.instances += usize::from(matches!(opcode, byte::NEWOBJ | byte::BUILD));
            sample.opcodes < most
        };
        let mut stored = 0;
        // Only what is counted is of interest, not whether it makes sense.
        let _ = walk(input, &mut stored, |_, _| true, count);
        sample.stores = stored;
        sample
    }
}

#[inline(always)]
fn set(flags: &mut Vec<bool>, index: usize) {
    if index >= flags.len() {
        flags.resize((index + 1).next_multiple_of(64), false);
    }
    flags[index] = true;
}

/// Goes through a stream up to its `STOP`, or until `fetch` or `go_on` refuses; `None` if it does not come there.
#[inline(always)]
fn walk(
    input: &[u8],
    stored: &mut usize,
    mut fetch: impl FnMut(usize, usize) -> bool,
    mut go_on: impl FnMut(u8) -> bool,
) -> Option<()> {
    let mut rest = input;
    loop {
        let (&opcode, after) = rest.split_first()?;
        rest = after;
        if !go_on(opcode) {
            return None;
        }
        match opcode {
            byte::MEMOIZE => *stored += 1,
            byte::SHORT_BINUNICODE | byte::SHORT_BINBYTES | byte::LONG1 | byte::SHORT_BINSTRING => {
                let (&len, after) = rest.split_first()?;
                rest = after.get(usize::from(len)..)?;
            }
            byte::BINGET => {
                let (&index, after) = rest.split_first()?;
                rest = after;
                fetch(index.into(), *stored).then_some(())?;
            }
            byte::LONG_BINGET => fetch(word(&mut rest)?, *stored).then_some(())?,
            byte::BININT1 | byte::EXT1 | byte::PROTO => rest = rest.get(1..)?,
            byte::BININT2 | byte::EXT2 => rest = rest.get(2..)?,
            byte::BININT | byte::EXT4 => rest = rest.get(4..)?,
            byte::BINFLOAT | byte::FRAME => rest = rest.get(8..)?,
            byte::BINUNICODE | byte::BINBYTES | byte::BINSTRING | byte::LONG4 => {
                let len = word(&mut rest)?;
                rest = rest.get(len..)?;
            }
            byte::BINUNICODE8 | byte::BINBYTES8 | byte::BYTEARRAY8 => {
                let (len, after) = rest.split_first_chunk::<8>()?;
                rest = after.get(usize::try_from(u64::from_le_bytes(*len)).ok()?..)?;
            }
            byte::BINPUT => {
                let (&index, after) = rest.split_first()?;
                rest = after;
                store(index.into(), stored)?;
            }
            byte::LONG_BINPUT => store(word(&mut rest)?, stored)?,
            byte::GET => {
                let index = number::memo_index(line(&mut rest)?).ok()?;
                fetch(usize::try_from(index).ok()?, *stored).then_some(())?;
            }
            byte::PUT => {
                let index = number::memo_index(line(&mut rest)?).ok()?;
                store(usize::try_from(index).ok()?, stored)?;
            }
            byte::INT | byte::LONG | byte::FLOAT | byte::STRING | byte::UNICODE | byte::PERSID => {
                line(&mut rest)?;
            }
            byte::GLOBAL | byte::INST => {
                line(&mut rest)?;
                line(&mut rest)?;
            }
            byte::STOP => return Some(()),
            byte::NONE
            | byte::NEWTRUE
            | byte::NEWFALSE
            | byte::EMPTY_TUPLE
            | byte::TUPLE1
            | byte::TUPLE2
            | byte::TUPLE3
            | byte::TUPLE
            | byte::EMPTY_LIST
            | byte::LIST
            | byte::APPEND
            | byte::APPENDS
            | byte::EMPTY_DICT
            | byte::DICT
            | byte::SETITEM
            | byte::SETITEMS
            | byte::EMPTY_SET
            | byte::ADDITEMS
            | byte::FROZENSET
            | byte::MARK
            | byte::POP
            | byte::POP_MARK
            | byte::DUP
            | byte::STACK_GLOBAL
            | byte::REDUCE
            | byte::BUILD
            | byte::NEWOBJ
            | byte::NEWOBJ_EX
            | byte::OBJ
            | byte::BINPERSID
            | byte::NEXT_BUFFER
            | byte::READONLY_BUFFER => {}
            _ => return None,
        }
    }
}

/// Counts an object stored at `index`, which must be the next one.
#[inline(always)]
fn store(index: usize, stored: &mut usize) -> Option<()> {
    let next = index == *stored;
    *stored += 1;
    next.then_some(())
}

#[inline(always)]
fn word(rest: &mut &[u8]) -> Option<usize> {
    let (bytes, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr::memchr(b'\n', rest)?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(input: &[u8]) -> Option<Vec<usize>> {
        let mut fetches = Fetches::default();
        let known = fetches.scan(input, 0);
        known.then(|| (0..fetches.end()).filter(|&index| fetches.contains(index)).collect())
    }

    #[test]
    fn all_ways_of_storing_and_fetching_count() {
        assert_eq!(fetched(b"]\x94q\x01r\x02\0\0\0p3\n0g0\n0h\x020j\x03\0\0\0."), Some(vec![0, 2, 3]));
    }

    #[test]
    fn a_sample_ends_where_it_should() {
        let input = b"]\x94K\x01K\x02K\x03\x81b.";
        assert_eq!(Sample::take(input, 100), Sample { opcodes: 8, stores: 1, instances: 2 });
        assert_eq!(Sample::take(input, 3), Sample { opcodes: 3, stores: 1, instances: 0 });
    }

    #[test]
    fn nothing_is_known_of_odd_streams() {
        for odd in [&b"]q\x01."[..], b"]\x94h\x01.", b"]\x94", b"]\x94\xff.", b"X\xff\xff\xff\xffabc.", b""] {
            assert_eq!(fetched(odd), None, "{odd:?}");
        }
    }
}
