//! The samples that CPython wrote.

/// A pickle of CPython.
#[allow(dead_code, reason = "not every test looks at all of it")]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) protocol: u8,
    pub(crate) pickle: Vec<u8>,
}

const FILES: [&str; 6] = [
    include_str!("../samples/protocol0.txt"),
    include_str!("../samples/protocol1.txt"),
    include_str!("../samples/protocol2.txt"),
    include_str!("../samples/protocol3.txt"),
    include_str!("../samples/protocol4.txt"),
    include_str!("../samples/protocol5.txt"),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("a hexadecimal digit") as u8;
    hex.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// All samples of all protocols.
pub(crate) fn samples() -> impl Iterator<Item = Sample> {
    (0..=5).zip(FILES).flat_map(|(protocol, file)| {
        file.lines().map(move |line| {
            let (name, hex) = line.split_once(' ').expect("a name and a pickle");
            Sample { name: name.into(), protocol, pickle: bytes(hex) }
        })
    })
}

/// The samples of one object, in all protocols.
#[allow(dead_code, reason = "not every test looks for one object")]
pub(crate) fn samples_of(name: &str) -> Vec<Sample> {
    let found: Vec<Sample> = samples().filter(|sample| sample.name == name).collect();
    assert!(!found.is_empty(), "there is no sample named {name}");
    found
}
