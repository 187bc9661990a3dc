//! What has not been read of a slice.

use std::slice;

/// The bytes that have not been read.
///
/// It is an iterator, so that only one pointer moves when some are: the machine has no register to spare for a length as well.
#[derive(Clone, Debug)]
pub(crate) struct Rest<'de>(slice::Iter<'de, u8>);

impl<'de> Rest<'de> {
    #[inline(always)]
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        Rest(bytes.iter())
    }

    /// All of them.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &'de [u8] {
        self.0.as_slice()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    /// Where they are.
    #[inline(always)]
    pub(crate) fn address(&self) -> usize {
        self.0.as_slice().as_ptr().addr()
    }

    /// The next one, which stays.
    #[inline(always)]
    pub(crate) fn first(&self) -> Option<u8> {
        self.0.as_slice().first().copied()
    }

    /// The next one.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    /// The next `N`, which stay.
    #[inline(always)]
    pub(crate) fn first_chunk<const N: usize>(&self) -> Option<&'de [u8; N]> {
        self.0.as_slice().first_chunk()
    }

    /// The next `N`.
    #[inline(always)]
    pub(crate) fn chunk<const N: usize>(&mut self) -> Option<&'de [u8; N]> {
        let chunk = self.first_chunk()?;
        self.skip(N);
        Some(chunk)
    }

    /// The next `len`.
    #[inline(always)]
    pub(crate) fn split(&mut self, len: usize) -> Option<&'de [u8]> {
        let (bytes, others) = self.bytes().split_at_checked(len)?;
        self.0 = others.iter();
        Some(bytes)
    }

    /// Passes over so many, or over all if there are fewer.
    #[inline(always)]
    pub(crate) fn skip(&mut self, len: usize) {
        if let Some(others) = len.checked_sub(1) {
            self.0.nth(others);
        }
    }
}
