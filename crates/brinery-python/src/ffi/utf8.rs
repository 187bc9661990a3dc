//! UTF-8 into characters of one width, as a `str` has them in memory.

/// The largest byte of valid UTF-8, as far as it is not ASCII, and how many characters there are.
pub(crate) fn survey(text: &[u8]) -> (u8, usize) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
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
    let mut writer = Writer { text, at: 0, target, done: 0, len };
    // SAFETY: by contract; the processor has what the function needs.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            x86::write(&mut writer);
        }
        writer.write_rest();
    }
}

/// How many bytes a short text has at most: what is done to [many characters at once](write) begins to pay later.
pub(crate) const SHORT: usize = 64;

/// The characters of a short text.
pub(crate) struct Few<'a> {
    chars: &'a [u32],
    /// All bits that any of them has.
    bits: u32,
}

impl<'a> Few<'a> {
    /// `None` if the text is longer, or is not valid UTF-8.
    #[inline(always)]
    pub(crate) fn of(text: &[u8], chars: &'a mut [u32; SHORT]) -> Option<Self> {
        if text.len() > SHORT {
            return None;
        }
        let (mut len, mut bits) = (0, 0);
        // What is behind the end goes on with no character.
        let mut bytes = [0; SHORT + 3];
        bytes[..text.len()].copy_from_slice(text);
        let mut at = 0;
        while at < text.len() {
            let word = u32::from_le_bytes(*bytes[at..].first_chunk()?);
            let (first, low) = (word & 0xff, |byte: u32| word >> (8 * byte) & 0x3f);
            // Each is spelt with no more bytes than it needs; what is missing from the ranges is no character.
            let char;
            if first < 0x80 {
                char = first;
                at += 1;
            } else if first < 0xe0 {
                char = (first & 0x1f) << 6 | low(1);
                at += 2;
                if first < 0xc2 || word & 0xc000 != 0x8000 {
                    return None;
                }
            } else if first < 0xf0 {
                char = (first & 0x0f) << 12 | low(1) << 6 | low(2);
                at += 3;
                if char < 0x800 || char & 0xf800 == 0xd800 || word & 0xc0_c000 != 0x80_8000 {
                    return None;
                }
            } else {
                char = (first & 0x0f) << 18 | low(1) << 12 | low(2) << 6 | low(3);
                at += 4;
                if !matches!(char, 0x10000..0x11_0000) || word & 0xc0c0_c000 != 0x8080_8000 {
                    return None;
                }
            }
            *chars.get_mut(len)? = char;
            len += 1;
            bits |= char;
        }
        Some(Few { chars: &chars[..len], bits })
    }

    pub(crate) fn len(&self) -> usize {
        self.chars.len()
    }

    /// What none of them is larger than: the limit of the narrowest width that fits all.
    pub(crate) fn limit(&self) -> u32 {
        match self.bits {
            ..0x80 => 0x7f,
            0x80..0x100 => 0xff,
            0x100..0x10000 => 0xffff,
            _ => 0x10_ffff,
        }
    }

    /// Writes them one after the other.
    ///
    /// # Safety
    ///
    /// They fit the unit, and there is room for them.
    #[inline(always)]
    pub(crate) unsafe fn write<U: Unit>(&self, target: *mut U) {
        for (index, &char) in self.chars.iter().enumerate() {
            // SAFETY: by contract.
            unsafe { target.add(index).write(U::narrow(char)) };
        }
    }
}

/// A width of characters in memory.
pub(crate) trait Unit: Copy {
    fn narrow(char: u32) -> Self;
}

impl Unit for u8 {
    #[inline(always)]
    fn narrow(char: u32) -> Self {
        char as u8
    }
}

impl Unit for u16 {
    #[inline(always)]
    fn narrow(char: u32) -> Self {
        char as u16
    }
}

impl Unit for u32 {
    #[inline(always)]
    fn narrow(char: u32) -> Self {
        char
    }
}

/// How far a text has been written.
struct Writer<'t, U> {
    text: &'t [u8],
    /// How many of its bytes have been read.
    at: usize,
    target: *mut U,
    /// How many of `len` characters have been written.
    done: usize,
    len: usize,
}

impl<U: Unit> Writer<'_, U> {
    /// Writes one character of any width.
    ///
    /// # Safety
    ///
    /// There is one, and room for it.
    #[inline(always)]
    unsafe fn write_one(&mut self) {
        let byte = |place: usize| u32::from(self.text[self.at + place]);
        let low = |place: usize| byte(place) & 0x3f;
        let (char, bytes) = match byte(0) {
            first @ ..0x80 => (first, 1),
            first @ 0x80..0xe0 => ((first & 0x1f) << 6 | low(1), 2),
            first @ 0xe0..0xf0 => ((first & 0x0f) << 12 | low(1) << 6 | low(2), 3),
            first => ((first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), 4),
        };
        // SAFETY: a valid text has all bytes of a character, for which there is room.
        unsafe { self.target.add(self.done).write(U::narrow(char)) };
        self.at += bytes;
        self.done += 1;
    }

    /// Writes what is left, one by one.
    ///
    /// # Safety
    ///
    /// As for [`write`]; `at` is the start of a character, or the end.
    unsafe fn write_rest(&mut self) {
        while self.done < self.len {
            // SAFETY: by contract.
            unsafe { self.write_one() };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Many characters at once, whatever their widths are: each lane gets the character that would end with its byte, and
    //! the lanes stay in which one does. So the bytes are read in even strides, and only where the next characters are
    //! written depends on those before them.

    use super::{Unit, Writer};
    use std::arch::x86_64::*;

    /// How many bytes, and so characters at most, one stride has.
    const STRIDE: usize = 8;
    /// How many bytes before a stride are looked at: those that its first character may begin with.
    const BEFORE: usize = 3;
    /// How many bytes are looked at in all.
    const LOOK: usize = 16;
    /// How many characters of one byte are written at once.
    const ASCII: usize = 32;

    /// How many bytes are looked at for whether they are all ASCII.
    const BLOCK: usize = 4 * ASCII;

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn survey(text: &[u8]) -> (u8, usize) {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let (mut largest, mut chars) = (_mm256_setzero_si256(), 0);
        for block in blocks {
            // SAFETY: a block has four times as many bytes.
            let parts = [0, 1, 2, 3]
                .map(|part| unsafe { _mm256_loadu_si256(block.as_ptr().add(part * ASCII).cast()) });
            let [a, b, c, d] = parts;
            let all = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
            chars += BLOCK;
            if _mm256_movemask_epi8(all) == 0 {
                continue;
            }
            for part in parts {
                largest = _mm256_max_epu8(largest, part);
                let goes_on = _mm256_cmpgt_epi8(_mm256_set1_epi8(-0x40), part);
                chars -= _mm256_movemask_epi8(goes_on).count_ones() as usize;
            }
        }
        let mut lanes = [0; ASCII];
        // SAFETY: there is room for all lanes.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), largest) };
        let (largest, more) = super::survey_plainly(rest);
        (lanes.into_iter().fold(largest, u8::max), chars + more)
    }

    /// For each set of eight lanes those that are in it, in order.
    const KEEP: [[u8; 8]; 256] = {
        let mut table = [[0; 8]; 256];
        let mut set = 0;
        while set < 256 {
            let (mut lane, mut target) = (0, 0);
            while lane < 8 {
                if set >> lane & 1 == 1 {
                    table[set][target] = lane;
                    target += 1;
                }
                lane += 1;
            }
            set += 1;
        }
        table
    };

    /// Writes as much as can be written many at a time, up to the start of a character.
    ///
    /// # Safety
    ///
    /// As for [`super::write`].
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn write<U: Unit>(writer: &mut Writer<'_, U>) {
        let (text, len) = (writer.text, writer.len);
        // SAFETY: there is a character as long as not all are done, and room for all.
        unsafe {
            while writer.at < BEFORE && writer.done < len {
                writer.write_one();
            }
        }
        let (mut at, mut done) = (writer.at, writer.done);
        // SAFETY: the conditions say that there are so many bytes, and room for so many characters.
        unsafe {
            let (from, target) = (text.as_ptr(), writer.target);
            loop {
                // There are at least as many bytes left as characters.
                while done + ASCII <= len && write_ascii(from.add(at), target.add(done)) {
                    at += ASCII;
                    done += ASCII;
                }
                if at + ASCII + LOOK > text.len() || done + ASCII > len {
                    break;
                }
                for _ in 0..ASCII / STRIDE {
                    done += write_stride(from.add(at - BEFORE), target.add(done));
                    at += STRIDE;
                }
            }
            while at + LOOK <= text.len() && done + STRIDE <= len {
                done += write_stride(from.add(at - BEFORE), target.add(done));
                at += STRIDE;
            }
        }
        // A character whose end has not been seen has not been written.
        while at < text.len() && text[at].cast_signed() < -0x40 {
            at -= 1;
        }
        (writer.at, writer.done) = (at, done);
    }

    /// Writes so many characters of one byte each, unless there is another among them.
    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    unsafe fn write_ascii<U: Unit>(from: *const u8, target: *mut U) -> bool {
        // SAFETY: by contract there are 32 bytes, and room for as many characters.
        unsafe {
            let bytes = _mm256_loadu_si256(from.cast());
            if _mm256_movemask_epi8(bytes) != 0 {
                return false;
            }
            match size_of::<U>() {
                1 => _mm256_storeu_si256(target.cast(), bytes),
                2 => {
                    let halves = [_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes)];
                    for (index, half) in halves.into_iter().enumerate() {
                        _mm256_storeu_si256(target.add(16 * index).cast(), _mm256_cvtepu8_epi16(half));
                    }
                }
                _ => {
                    for index in 0..4 {
                        let quarter = _mm_loadl_epi64(from.add(8 * index).cast());
                        _mm256_storeu_si256(target.add(8 * index).cast(), _mm256_cvtepu8_epi32(quarter));
                    }
                }
            }
        }
        true
    }

    /// Writes the characters that end in eight bytes, with three bytes before those, and returns how many.
    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    unsafe fn write_stride<U: Unit>(from: *const u8, target: *mut U) -> usize {
        // SAFETY: by contract there are 16 bytes, and room for eight characters.
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            let (fourth, third) = (bytes, _mm_srli_si128::<1>(bytes));
            let (second, last) = (_mm_srli_si128::<2>(bytes), _mm_srli_si128::<3>(bytes));
            // A character ends where none goes on.
            let goes_on = _mm_cmpgt_epi8(_mm_set1_epi8(-0x40), _mm_srli_si128::<4>(bytes));
            let ends = !_mm_movemask_epi8(goes_on) & 0xff;
            let keep = _mm_loadl_epi64(KEEP[ends as usize].as_ptr().cast());
            if size_of::<U>() == 4 {
                let chars = wide(last, second, third, fourth);
                let kept = _mm256_permutevar8x32_epi32(chars, _mm256_cvtepu8_epi32(keep));
                _mm256_storeu_si256(target.cast(), kept);
            } else {
                let chars = narrow(last, second, third);
                if size_of::<U>() == 2 {
                    // The two bytes of each lane that stays.
                    let twice = _mm_slli_epi16::<1>(_mm_cvtepu8_epi16(keep));
                    let keep =
                        _mm_or_si128(twice, _mm_slli_epi16::<8>(_mm_add_epi16(twice, _mm_set1_epi16(1))));
                    _mm_storeu_si128(target.cast(), _mm_shuffle_epi8(chars, keep));
                } else {
                    let packed = _mm_packus_epi16(chars, _mm_setzero_si128());
                    _mm_storel_epi64(target.cast(), _mm_shuffle_epi8(packed, keep));
                }
            }
            ends.count_ones() as usize
        }
    }

    /// The characters of up to three bytes that would end with the last ones.
    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    fn narrow(last: __m128i, second: __m128i, third: __m128i) -> __m128i {
        let [last, second, third] = [last, second, third].map(|bytes| _mm_cvtepu8_epi16(bytes));
        let low = |lane| _mm_and_si128(lane, _mm_set1_epi16(0x3f));
        let of_three = _mm_cmpeq_epi16(_mm_and_si128(second, _mm_set1_epi16(0xc0)), _mm_set1_epi16(0x80));
        let high = _mm_and_si128(of_three, _mm_slli_epi16::<12>(third));
        let longer = _mm_or_si128(_mm_or_si128(high, _mm_slli_epi16::<6>(low(second))), low(last));
        let is_ascii = _mm_cmpgt_epi16(_mm_set1_epi16(0x80), last);
        _mm_blendv_epi8(longer, last, is_ascii)
    }

    /// The characters of up to four bytes that would end with the last ones.
    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    fn wide(last: __m128i, second: __m128i, third: __m128i, fourth: __m128i) -> __m256i {
        let [last, second, third, fourth] =
            [last, second, third, fourth].map(|bytes| _mm256_cvtepu8_epi32(bytes));
        let masked = |lane, mask| _mm256_and_si256(lane, _mm256_set1_epi32(mask));
        let goes_on = |lane| _mm256_cmpeq_epi32(masked(lane, 0xc0), _mm256_set1_epi32(0x80));
        let of_three = goes_on(second);
        let of_four = _mm256_and_si256(of_three, goes_on(third));
        // The first of three bytes has four bits of the character, one in the middle six.
        let third = _mm256_blendv_epi8(masked(third, 0x0f), masked(third, 0x3f), of_four);
        let parts = [
            masked(last, 0x3f),
            _mm256_slli_epi32::<6>(masked(second, 0x3f)),
            _mm256_and_si256(of_three, _mm256_slli_epi32::<12>(third)),
            _mm256_and_si256(of_four, _mm256_slli_epi32::<18>(masked(fourth, 0x07))),
        ];
        let [a, b, c, d] = parts;
        let longer = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
        let is_ascii = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x80), last);
        _mm256_blendv_epi8(longer, last, is_ascii)
    }
}
