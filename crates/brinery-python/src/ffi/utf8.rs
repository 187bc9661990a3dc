//! UTF-8 into characters of one width, as a `str` has them in memory.

/// The largest byte of valid UTF-8, and how many characters there are.
pub(crate) fn survey(text: &[u8]) -> (u8, usize) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86::survey(text) };
    }
    survey_plainly(text)
}

#[inline(always)]
fn survey_plainly(text: &[u8]) -> (u8, usize) {
    let (mut largest, mut chars) = (0, 0);
    // Counts of one byte each let the compiler take many at once.
    for chunk in text.chunks(192) {
        let mut count = 0u8;
        for &byte in chunk {
            largest = largest.max(byte);
            count += u8::from(byte.cast_signed() >= -0x40);
        }
        chars += usize::from(count);
    }
    (largest, chars)
}

/// Writes the characters of a text one after the other.
///
/// # Safety
///
/// The text is valid UTF-8 of `len` characters that fit the unit, and there is room for them.
pub(crate) unsafe fn write<U: Unit>(text: &[u8], target: *mut U, len: usize) {
    let writer = Writer { text, target, left: len };
    // SAFETY: by contract; the processor has what the function needs.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return x86::write(writer);
        }
        writer.write_all(|_, _| (0, 0));
    }
}

/// Writes some characters from the start of the bytes, with room for eight: how many, and how many bytes they were. None if
/// it cannot.
type Mixed<U> = unsafe fn(&[u8; 16], *mut U) -> (usize, usize);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Unit, Writer};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2")]
    pub(super) fn survey(text: &[u8]) -> (u8, usize) {
        super::survey_plainly(text)
    }

    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn write<U: Unit>(writer: Writer<'_, U>) {
        // SAFETY: by contract.
        unsafe { writer.write_all(mixed::<U>) }
    }

    /// For each set of eight lanes the bytes that put them side by side.
    const KEEP: [[u8; 16]; 256] = {
        let mut table = [[0x80; 16]; 256];
        let mut set = 0;
        while set < 256 {
            let (mut lane, mut target) = (0, 0);
            while lane < 8 {
                if set >> lane & 1 == 1 {
                    table[set][2 * target] = 2 * lane as u8;
                    table[set][2 * target + 1] = 2 * lane as u8 + 1;
                    target += 1;
                }
                lane += 1;
            }
            set += 1;
        }
        table
    };

    /// Characters of up to three bytes, whatever comes: each lane gets the character that would end with its byte, and the
    /// lanes stay in which one does.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn mixed<U: Unit>(text: &[u8; 16], target: *mut U) -> (usize, usize) {
        if size_of::<U>() == 4 {
            return (0, 0);
        }
        let zero = _mm_setzero_si128();
        // SAFETY: there are 16 bytes.
        let bytes = unsafe { _mm_loadu_si128(text.as_ptr().cast()) };
        let last = _mm_unpacklo_epi8(bytes, zero);
        let second = _mm_unpacklo_epi8(_mm_slli_si128::<1>(bytes), zero);
        let third = _mm_unpacklo_epi8(_mm_slli_si128::<2>(bytes), zero);
        let low = |lane| _mm_and_si128(lane, _mm_set1_epi16(0x3f));
        let of_three = _mm_cmpeq_epi16(_mm_and_si128(second, _mm_set1_epi16(0xc0)), _mm_set1_epi16(0x80));
        let high = _mm_and_si128(of_three, _mm_slli_epi16::<12>(third));
        let wide = _mm_or_si128(_mm_or_si128(high, _mm_slli_epi16::<6>(low(second))), low(last));
        let is_ascii = _mm_cmpgt_epi16(_mm_set1_epi16(0x80), last);
        let chars = _mm_blendv_epi8(wide, last, is_ascii);
        // A character ends where none goes on.
        let goes_on = _mm_cmpgt_epi8(_mm_set1_epi8(-0x40), _mm_srli_si128::<1>(bytes));
        let ends = !_mm_movemask_epi8(goes_on) & 0xff;
        // SAFETY: the set has eight bits.
        let keep = unsafe { _mm_loadu_si128(KEEP[ends as usize].as_ptr().cast()) };
        let kept = _mm_shuffle_epi8(chars, keep);
        // SAFETY: by contract there is room for eight characters.
        unsafe {
            if size_of::<U>() == 1 {
                _mm_storel_epi64(target.cast(), _mm_packus_epi16(kept, zero));
            } else {
                _mm_storeu_si128(target.cast(), kept);
            }
        }
        (ends.count_ones() as usize, 32 - ends.leading_zeros() as usize)
    }
}

/// A width of characters in memory.
pub(crate) trait Unit: Copy {
    fn narrow(char: u32) -> Self;

    /// Writes four characters, 16 bits each, of which none is wider than the unit.
    unsafe fn write_four(target: *mut Self, chars: u64);
}

impl Unit for u8 {
    #[inline(always)]
    fn narrow(char: u32) -> Self {
        char as u8
    }

    #[inline(always)]
    unsafe fn write_four(target: *mut Self, chars: u64) {
        let chars = [chars as u8, (chars >> 16) as u8, (chars >> 32) as u8, (chars >> 48) as u8];
        // SAFETY: by contract there is room for four.
        unsafe { target.cast::<[u8; 4]>().write_unaligned(chars) };
    }
}

impl Unit for u16 {
    #[inline(always)]
    fn narrow(char: u32) -> Self {
        char as u16
    }

    #[inline(always)]
    unsafe fn write_four(target: *mut Self, chars: u64) {
        // SAFETY: by contract there is room for four.
        unsafe { target.cast::<u64>().write_unaligned(chars) };
    }
}

impl Unit for u32 {
    #[inline(always)]
    fn narrow(char: u32) -> Self {
        char
    }

    #[inline(always)]
    unsafe fn write_four(target: *mut Self, chars: u64) {
        let pair = |chars: u64| chars & 0xffff | (chars & 0xffff_0000) << 16;
        // SAFETY: by contract there is room for four.
        unsafe { target.cast::<[u64; 2]>().write_unaligned([pair(chars), pair(chars >> 32)]) };
    }
}

/// Writes the characters of a text one after the other, several at once where they are of a kind.
struct Writer<'t, U> {
    text: &'t [u8],
    target: *mut U,
    /// How many characters there are still.
    left: usize,
}

impl<U: Unit> Writer<'_, U> {
    #[inline(always)]
    unsafe fn write_all(mut self, mixed: Mixed<U>) {
        // SAFETY: by contract.
        unsafe {
            while self.left > 0 {
                if self.write_ascii_chunks() || self.write_triples() {
                    continue;
                }
                let (chars, bytes) = match self.text.first_chunk::<16>() {
                    Some(chunk) if self.left >= 8 => mixed(chunk, self.target),
                    _ => (0, 0),
                };
                if chars > 0 {
                    self.advance(chars, bytes);
                } else if !(self.write_ascii() || self.write_pairs()) {
                    self.write_one();
                }
            }
        }
    }

    /// Goes on behind so many characters of so many bytes.
    #[inline(always)]
    unsafe fn advance(&mut self, chars: usize, bytes: usize) {
        // SAFETY: by contract they are there, and were written.
        unsafe {
            self.text = self.text.get_unchecked(bytes..);
            self.target = self.target.add(chars);
        }
        self.left -= chars;
    }

    /// Characters of one byte, 16 of them at once; whether there were any.
    #[inline(always)]
    unsafe fn write_ascii_chunks(&mut self) -> bool {
        let before = self.left;
        // SAFETY: each byte is a character, for which there is room.
        unsafe {
            while let Some(chunk) = self.text.first_chunk::<16>()
                && u128::from_le_bytes(*chunk) & (u128::MAX / 0xff * 0x80) == 0
            {
                for (index, &byte) in chunk.iter().enumerate() {
                    self.target.add(index).write(U::narrow(byte.into()));
                }
                self.advance(16, 16);
            }
        }
        self.left < before
    }

    /// Characters of one byte, one by one.
    #[inline(always)]
    unsafe fn write_ascii(&mut self) -> bool {
        let before = self.left;
        while let Some(&byte) = self.text.first()
            && byte < 0x80
        {
            // SAFETY: the byte is a character, for which there is room.
            unsafe {
                self.target.write(U::narrow(byte.into()));
                self.advance(1, 1);
            }
        }
        self.left < before
    }

    /// Characters of two bytes, four of them at once.
    #[inline(always)]
    unsafe fn write_pairs(&mut self) -> bool {
        let before = self.left;
        // SAFETY: what is checked is that these are four characters, for which there is room.
        unsafe {
            while let Some(chunk) = self.text.first_chunk::<8>()
                && let word = u64::from_le_bytes(*chunk)
                && word & 0xc0e0_c0e0_c0e0_c0e0 == 0x80c0_80c0_80c0_80c0
            {
                let chars = (word & 0x001f_001f_001f_001f) << 6 | word >> 8 & 0x003f_003f_003f_003f;
                U::write_four(self.target, chars);
                self.advance(4, 8);
            }
        }
        self.left < before
    }

    /// Characters of three bytes, four of them at once.
    #[inline(always)]
    unsafe fn write_triples(&mut self) -> bool {
        const MASK: u64 = 0xc0c0_f0c0_c0f0;
        const KIND: u64 = 0x8080_e080_80e0;
        if size_of::<U>() == 1 {
            return false;
        }
        let before = self.left;
        // SAFETY: what is checked is that these are four characters, for which there is room.
        unsafe {
            while let Some(chunk) = self.text.first_chunk::<12>() {
                let (Some(low), Some(high)) = (chunk.first_chunk::<8>(), chunk.last_chunk::<8>()) else {
                    break;
                };
                let (low, high) = (u64::from_le_bytes(*low), u64::from_le_bytes(*high) >> 16);
                if (low & MASK) ^ KIND | (high & MASK) ^ KIND != 0 {
                    break;
                }
                let char = |word: u64| (word & 0x0f) << 12 | (word & 0x3f00) >> 2 | word >> 16 & 0x3f;
                let chars = char(low) | char(low >> 24) << 16 | char(high) << 32 | char(high >> 24) << 48;
                U::write_four(self.target, chars);
                self.advance(4, 12);
            }
        }
        self.left < before
    }

    /// One character of any width.
    #[inline(always)]
    unsafe fn write_one(&mut self) {
        let byte = |at: usize| u32::from(self.text[at]);
        let low = |at: usize| byte(at) & 0x3f;
        let (char, bytes) = match byte(0) {
            first @ ..0x80 => (first, 1),
            first @ 0x80..0xe0 => ((first & 0x1f) << 6 | low(1), 2),
            first @ 0xe0..0xf0 => ((first & 0x0f) << 12 | low(1) << 6 | low(2), 3),
            first => ((first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), 4),
        };
        // SAFETY: a valid text has all bytes of a character, for which there is room.
        unsafe {
            self.target.write(U::narrow(char));
            self.advance(1, bytes);
        }
    }
}
