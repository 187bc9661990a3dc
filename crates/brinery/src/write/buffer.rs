//! What an emitter appends to.

/// A growing sequence of bytes.
///
/// `Vec<u8>` is one; a binding can offer memory that becomes the result without a copy.
pub trait Buffer {
    /// Appends one byte.
    fn push(&mut self, byte: u8);
    /// Appends bytes.
    fn extend_from_slice(&mut self, bytes: &[u8]);
    /// Appends the first `len` of a few bytes, which is at most all of them.
    ///
    /// A buffer that has room for all of them can store them at once.
    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        self.extend_from_slice(&bytes[..len]);
    }
    /// Appends bytes that are likely to be few.
    #[inline(always)]
    fn extend_from_short(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    /// Everything appended so far.
    fn as_mut_slice(&mut self) -> &mut [u8];
    /// How many bytes have been appended.
    fn len(&self) -> usize;
    /// Whether nothing has been appended.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Takes back all bytes from `len` on.
    fn truncate(&mut self, len: usize);
}

impl Buffer for Vec<u8> {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.put([byte], 1);
    }

    #[inline(always)]
    fn extend_from_slice(&mut self, bytes: &[u8]) {
        Vec::extend_from_slice(self, bytes);
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        // A length that is known takes one store; what is too much goes again.
        let start = Vec::len(self);
        if self.capacity() - start < N {
            return put_beyond(self, bytes, len);
        }
        Vec::extend_from_slice(self, &bytes);
        if len < N {
            Vec::truncate(self, start + len);
        }
    }

    #[inline]
    fn extend_from_short(&mut self, bytes: &[u8]) {
        match bytes.len() {
            len @ 0..=16 => self.put(word_of(bytes).to_le_bytes(), len),
            len @ 17..=32 => {
                let [first, last] = ends::<16>(bytes);
                self.put(first, 16);
                self.put((u128::from_le_bytes(last) >> (8 * (32 - len))).to_le_bytes(), len - 16);
            }
            _ => Vec::extend_from_slice(self, bytes),
        }
    }

    #[inline(always)]
    fn as_mut_slice(&mut self) -> &mut [u8] {
        Vec::as_mut_slice(self)
    }

    #[inline(always)]
    fn len(&self) -> usize {
        Vec::len(self)
    }

    #[inline(always)]
    fn truncate(&mut self, len: usize) {
        Vec::truncate(self, len);
    }
}

/// Appends where there may be no room: out of the way of those who have it.
#[cold]
#[inline(never)]
fn put_beyond<const N: usize>(buffer: &mut Vec<u8>, bytes: [u8; N], len: usize) {
    buffer.extend_from_slice(&bytes[..len]);
}

/// Up to 16 bytes as a number whose lowest bytes they are; the others are zero.
#[inline(always)]
pub(super) fn word_of(bytes: &[u8]) -> u128 {
    // Two overlapping words hold all of a few bytes; where they overlap, they agree.
    let len = bytes.len();
    match len {
        0 => 0,
        1..4 => {
            let (first, middle, last) = (bytes[0], bytes[len / 2], bytes[len - 1]);
            let word =
                u32::from(first) | u32::from(middle) << (8 * (len / 2)) | u32::from(last) << (8 * (len - 1));
            word.into()
        }
        4..8 => {
            let [first, last] = ends(bytes).map(u32::from_le_bytes);
            (u64::from(first) | u64::from(last) << (8 * (len - 4))).into()
        }
        _ => {
            debug_assert!(len <= 16);
            let [first, last] = ends(bytes).map(u64::from_le_bytes);
            u128::from(first) | u128::from(last) << (8 * (len - 8))
        }
    }
}

/// The first and the last few of at least so many bytes.
#[inline(always)]
fn ends<const N: usize>(bytes: &[u8]) -> [[u8; N]; 2] {
    let end = |end: Option<&[u8; N]>| end.copied().unwrap_or([0; N]);
    [end(bytes.first_chunk()), end(bytes.last_chunk())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ways_append_what_the_long_one_does() {
        let bytes: Vec<u8> = (1..=100).collect();
        for len in 0..bytes.len() {
            let mut buffer = vec![0xff];
            buffer.extend_from_short(&bytes[..len]);
            assert_eq!(buffer[1..], bytes[..len]);
            if len <= 8 {
                buffer.truncate(1);
                buffer.put([1, 2, 3, 4, 5, 6, 7, 8], len);
                assert_eq!(buffer[1..], bytes[..len]);
            }
        }
    }
}
