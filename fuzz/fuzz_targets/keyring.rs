//! Any text is a key ring or an error; a ring that is written is read again as the same.
#![no_main]

use brinery_seal::KeyRing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(ring) = KeyRing::parse(text) {
        // A date beyond the year 9999 cannot be in a text.
        let written = ring.to_text().expect("text");
        let again = KeyRing::parse(&written).expect("a ring");
        assert_eq!(*again.to_text().expect("text"), *written);
    }
});
