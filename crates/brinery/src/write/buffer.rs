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
        Vec::push(self, byte);
    }

    #[inline(always)]
    fn extend_from_slice(&mut self, bytes: &[u8]) {
        Vec::extend_from_slice(self, bytes);
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
