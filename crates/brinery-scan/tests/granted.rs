//! What is told to be clean while a stream is run over is what an examination under the policies grants.

use brinery::policy::{Policy, examine};
use brinery_scan::{FileReport, Scanner, Verdict};

/// Values that the policies grant, as CPython's picklers write them.
const SEEDS: &[&[u8]] = &[
    b"(lp0\ncdatetime\ndate\np1\n(c_codecs\nencode\np2\n(V\x07\xd0\x01\x01\np3\nVlatin1\np4\ntp5\nRp6\ntp7\nRp8\nag1\n(g2\n(V\x07\xd1\x01\x02\np9\ng4\ntp10\nRp11\ntp12\nRp13\na.",
    b"\x80\x04\x95A\0\0\0\0\0\0\0]\x94(\x8c\x08datetime\x94\x8c\x08datetime\x94\x93\x94C\n\x07\xe4\x01\x01\0\0\0\0\0\0\x94\x85\x94R\x94h\x03C\n\x07\xe4\x01\x02\x01\x01\0\0\0\0\x94\x85\x94R\x94e.",
    b"\x80\x02]q\0(cdatetime\ndatetime\nq\x01c_codecs\nencode\nq\x02X\x0b\0\0\0\x07\xc3\xa4\x01\x01\0\0\0\0\0\0q\x03X\x06\0\0\0latin1q\x04\x86q\x05Rq\x06cdatetime\ntimezone\nq\x07cdatetime\ntimedelta\nq\x08K\0K\0K\0\x87q\x09Rq\n\x85q\x0bRq\x0c\x86q\x0dRq\x0eh\x01h\x02X\x0b\0\0\0\x07\xc3\xa4\x01\x02\0\0\0\0\0\0q\x0fh\x04\x86q\x10Rq\x11h\x0c\x86q\x12Rq\x13e.",
    b"\x80\x04\x95J\0\0\0\0\0\0\0]\x94(\x8c\x07decimal\x94\x8c\x07Decimal\x94\x93\x94\x8c\x010\x94\x85\x94R\x94h\x03\x8c\x1e0.1428571428571428571428571429\x94\x85\x94R\x94e.",
    b"\x80\x05\x95R\0\0\0\0\0\0\0]\x94(\x8c\x04uuid\x94\x8c\x04UUID\x94\x93\x94)\x81\x94}\x94\x8c\x03int\x94\x8a\x10\xb9\x9e\x83\x06\xdd\xa7H\xa6\x1e\x02\x9a\x8a?A[\x02sbh\x03)\x81\x94}\x94h\x06\x8a\x11J\x14l\xf0\xd9\x8a\x98\xe1\xcf\x99\x96a\xf9g\xbd\xaf\0sbe.",
    b"\x80\x02]q\0(cuuid\nUUID\nq\x01)\x81q\x02}q\x03X\x03\0\0\0intq\x04\x8a\x11\x8c.\x07\x18\x82,\xe4|\xa8\xc7A\x07\xe6l\xb0\xe4\0sbh\x01)\x81q\x05}q\x06h\x04\x8a\x11\xb2\xb3\xf4\xd5\x8d\x82\xcac\x86\xd2\xc9nv\x0e\x81\x9b\0sbe.",
    b"\x80\x04\x950\0\0\0\0\0\0\0]\x94(\x8c\x09fractions\x94\x8c\x08Fraction\x94\x93\x94K\0K\x01\x86\x94R\x94h\x03K\x01K\x02\x86\x94R\x94e.",
    b"\x80\x04\x95Y\0\0\0\0\0\0\0]\x94(\x8c\x07pathlib\x94\x8c\x0dPurePosixPath\x94\x93\x94(\x8c\x01/\x94\x8c\x03srv\x94\x8c\x04data\x94\x8c\x010\x94\x8c\x08file.txt\x94t\x94R\x94h\x03(h\x04h\x05h\x06\x8c\x011\x94h\x08t\x94R\x94e.",
    b"\x80\x02]q\0(cdatetime\ntimedelta\nq\x01K\0K\0K\0\x87q\x02Rq\x03h\x01K\x01K\x07K\x01\x87q\x04Rq\x05e.",
    b"\x80\x04\x95\xeb\0\0\0\0\0\0\0]\x94(\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\0\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x04\x85\x94h\x04\x8c\x05dtype\x94\x93\x94\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94b\x89C \0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x94t\x94bh\x03h\x06K\0\x85\x94h\x08\x87\x94R\x94(K\x01K\x04\x85\x94h\x10\x89C \x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x94t\x94be.",
    b"]q\0(cnumpy._core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\nq\x02(K\0tq\x03c_codecs\nencode\nq\x04(X\x01\0\0\0bq\x05X\x06\0\0\0latin1q\x06tq\x07Rq\x08tq\x09Rq\n(K\x01(K\x04tq\x0bcnumpy\ndtype\nq\x0c(X\x02\0\0\0i8q\x0dI00\nI01\ntq\x0eRq\x0f(K\x03X\x01\0\0\0<q\x10NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tq\x11bI00\nh\x04(X \0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0q\x12h\x06tq\x13Rq\x14tq\x15bh\x01(h\x02(K\0tq\x16h\x08tq\x17Rq\x18(K\x01(K\x04tq\x19h\x0fI00\nh\x04(X \0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0q\x1ah\x06tq\x1bRq\x1ctq\x1dbe.",
    b"\x80\x03]q\0(cnumpy._core.multiarray\nscalar\nq\x01cnumpy\ndtype\nq\x02X\x02\0\0\0f8q\x03\x89\x88\x87q\x04Rq\x05(K\x03X\x01\0\0\0<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tq\x07bC\x08\0\0\0\0\0\0\0\0q\x08\x86q\x09Rq\nh\x01h\x05C\x08\0\0\0\0\0\0\xe0?q\x0b\x86q\x0cRq\x0de.",
    b"\x80\x05\x95\xc5\0\0\0\0\0\0\0]\x94(\x8c\x13numpy._core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94(\x96\x18\0\0\0\0\0\0\0\0\0\x80?\0\0\x80?\0\0\x80?\0\0\x80?\0\0\x80?\0\0\x80?\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02f4\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94bK\x02K\x03\x86\x94\x8c\x01C\x94t\x94R\x94h\x03(\x96\x18\0\0\0\0\0\0\0\0\0\x80?\0\0\x80?\0\0\x80?\0\0\x80?\0\0\x80?\0\0\x80?\x94h\nK\x02K\x03\x86\x94h\x0et\x94R\x94e.",
    b"\x80\x02]q\0(ccollections\nOrderedDict\nq\x01)Rq\x02(X\x01\0\0\0aq\x03K\0X\x01\0\0\0bq\x04X\x01\0\0\x000q\x05uh\x01)Rq\x06(h\x03K\x01h\x04X\x01\0\0\x001q\x07ue.",
    b"\x80\x04\x959\0\0\0\0\0\0\0]\x94(\x8c\x0bcollections\x94\x8c\x05deque\x94\x93\x94)K\x09\x86\x94R\x94(K\0K\x01eh\x03)K\x09\x86\x94R\x94(K\x01K\x02ee.",
    b"\x80\x03]q\0(ccollections\ndefaultdict\nq\x01cbuiltins\nlist\nq\x02\x85q\x03Rq\x04K\0]q\x05K\0ash\x01h\x02\x85q\x06Rq\x07K\x01]q\x08K\x01ase.",
    b"\x80\x04\x95E\0\0\0\0\0\0\0]\x94(\x8c\x0bcollections\x94\x8c\x07Counter\x94\x93\x94}\x94(\x8c\x01a\x94K\0\x8c\x01b\x94K\x02u\x85\x94R\x94h\x03}\x94(h\x05K\x01h\x06K\x02u\x85\x94R\x94e.",
    b"\x80\x02]q\0(c__builtin__\nset\nq\x01]q\x02(K\0X\x01\0\0\x000q\x03e\x85q\x04Rq\x05h\x01]q\x06(X\x01\0\0\x001q\x07K\x01e\x85q\x08Rq\x09e.",
    b"(lp0\nc__builtin__\nfrozenset\np1\n((lp2\nI0\na(I0\nVa\np3\ntp4\natp5\nRp6\nag1\n((lp7\nI1\na(I1\ng3\ntp8\natp9\nRp10\na.",
    b"\x80\x04\x95\x19\0\0\0\0\0\0\0]\x94(\x8f\x94(K\0\x8c\x010\x94\x90\x8f\x94(\x8c\x011\x94K\x01\x90e.",
    b"\x80\x04\x959\0\0\0\0\0\0\0]\x94(\x8c\x08builtins\x94\x8c\nValueError\x94\x93\x94\x8c\x05bad 0\x94\x85\x94R\x94h\x03\x8c\x05bad 1\x94\x85\x94R\x94e.",
    b"\x80\x02]q\0(c__builtin__\ncomplex\nq\x01G\0\0\0\0\0\0\0\0G?\xf0\0\0\0\0\0\0\x86q\x02Rq\x03h\x01G?\xf0\0\0\0\0\0\0G?\xf0\0\0\0\0\0\0\x86q\x04Rq\x05e.",
    b"\x80\x04\x95\x98\0\0\0\0\0\0\0]\x94(\x8c\x08datetime\x94\x8c\x08datetime\x94\x93\x94C\n\x07\xe4\x01\x01\0\0\0\0\0\0\x94\x8c\x08builtins\x94\x8c\x07getattr\x94\x93\x94\x8c\x08zoneinfo\x94\x8c\x08ZoneInfo\x94\x93\x94\x8c\x09_unpickle\x94\x86\x94R\x94\x8c\x0dEurope/Berlin\x94K\x01\x86\x94R\x94\x86\x94R\x94h\x03C\n\x07\xe4\x01\x01\0\0\0\0\0\0\x94h\x10\x86\x94R\x94e.",
    b"\x80\x03]q\0(cdatetime\ntimezone\nq\x01cdatetime\ntimedelta\nq\x02K\0M\x10\x0eK\0\x87q\x03Rq\x04X\x01\0\0\0Xq\x05\x86q\x06Rq\x07h\x01h\x02K\0M\x10\x0eK\0\x87q\x08Rq\x09h\x05\x86q\nRq\x0be.",
    b"\x80\x04\x95o\0\0\0\0\0\0\0]\x94(}\x94(\x8c\x08datetime\x94\x8c\x04date\x94\x93\x94C\x04\x07\xe4\x01\x01\x94\x85\x94R\x94K\0K\x01h\x02\x8c\x09timedelta\x94\x93\x94K\0K\0K\0\x87\x94R\x94\x86\x94K\x02u}\x94(h\x04C\x04\x07\xe4\x01\x01\x94\x85\x94R\x94K\x01K\x01h\x09K\x01K\0K\0\x87\x94R\x94\x86\x94K\x02ue.",
    b"\x80\x05\x95\x1d\0\0\0\0\0\0\0]\x94(\x96\x02\0\0\0\0\0\0\0ab\x94\x96\x02\0\0\0\0\0\0\0ab\x94e.",
    b"\x80\x04\x95\xf7\0\0\0\0\0\0\0]\x94(}\x94(\x8c\x02id\x94\x8c\x04uuid\x94\x8c\x04UUID\x94\x93\x94)\x81\x94}\x94\x8c\x03int\x94\x8a\x11\xc4$\xea\xe1\x161\xd6\x7f\xdfd\xa0\xd8\xa5\xb4\xdf\xf0\0sb\x8c\x02at\x94\x8c\x08datetime\x94\x8c\x08datetime\x94\x93\x94C\n\x07\xe4\x01\x01\0\0\0\0\0\0\x94\x85\x94R\x94\x8c\x03sum\x94\x8c\x07decimal\x94\x8c\x07Decimal\x94\x93\x94\x8c\x010\x94\x85\x94R\x94\x8c\x04tags\x94]\x94(\x8c\x01a\x94\x8c\x010\x94eu}\x94(h\x02h\x05)\x81\x94}\x94h\x08\x8a\x11\xc5GZ\x81\xbc\xd2\xb2d\x19\xda\xc8\x96H\x14q\xda\0sbh\x09h\x0cC\n\x07\xe4\x01\x02\0\0\0\0\0\0\x94\x85\x94R\x94h\x10h\x13\x8c\x040.01\x94\x85\x94R\x94h\x17]\x94(h\x19\x8c\x011\x94eue.",
];

/// The opcodes that damaged streams get.
const OPCODES: &[u8] =
    b"(.0123abc)}]lud qrhgjpPeastRbo\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94NK\x8cC\x92i\x95\x96\x97\x98\x8a";

fn shipped() -> Policy {
    Policy::shipped_names()
        .iter()
        .filter_map(|name| Policy::shipped(name))
        .fold(Policy::data(), |all, one| all | one.clone())
}

fn scan(bytes: &[u8]) -> FileReport {
    Scanner::new().threads(1).scan_bytes("x", bytes).files.remove(0)
}

/// Small numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}

/// Damages a stream at one place, perhaps with a part of another.
fn damage(stream: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(stream.len());
    match dice.below(7) {
        0 => stream[at] ^= 1 << dice.below(8),
        1 => stream[at] = OPCODES[dice.below(OPCODES.len())],
        2 => stream.insert(at, OPCODES[dice.below(OPCODES.len())]),
        3 => drop(stream.remove(at)),
        4 => {
            let part = stream[at..stream.len().min(at + dice.below(24))].to_vec();
            let to = dice.below(stream.len());
            drop(stream.splice(to..to, part));
        }
        5 => drop(stream.drain(at..stream.len().min(at + dice.below(12)))),
        _ => {
            let from = dice.below(other.len());
            let part = other[from..other.len().min(from + dice.below(40))].to_vec();
            drop(stream.splice(at..at, part));
        }
    }
}

#[test]
fn what_is_clean_is_granted_however_it_is_damaged() {
    let policy = shipped();
    let mut dice = Dice(88_172_645_463_325_252);
    let mut clean = 0;
    for _ in 0..30_000 {
        let mut stream = SEEDS[dice.below(SEEDS.len())].to_vec();
        for _ in 0..dice.below(4) {
            let other = SEEDS[dice.below(SEEDS.len())];
            if stream.len() > 3 {
                damage(&mut stream, other, &mut dice);
            }
        }
        // A frame that is as long as it says does not hide what comes after it.
        if stream.len() > 11 && stream[2] == 0x95 {
            let len = stream.len() as u64 - 11;
            stream[3..11].copy_from_slice(&len.to_le_bytes());
        }
        let file = scan(&stream);
        let [found] = &file.streams[..] else { continue };
        if file.verdict == Verdict::Clean && (found.offset, found.len) == (0, stream.len() as u64) {
            clean += 1;
            let verdict = examine(&stream, &policy);
            assert!(verdict.is_clean(), "{:?} of {}", verdict.error(), stream.escape_ascii());
        }
    }
    assert!(clean > 3000, "{clean}");
}

#[test]
fn honest_values_are_clean_at_any_size() {
    for seed in SEEDS {
        assert_eq!(scan(seed).verdict, Verdict::Clean, "{}", seed.escape_ascii());
    }
    // datetime.date(1815, 12, 10), over and over
    let date = b"\x8c\x08datetime\x94\x8c\x04date\x94\x93\x94";
    let mut stream = [b"\x80\x04]\x94".as_slice(), date, b"0("].concat();
    while stream.len() < 5 << 20 {
        stream.extend(b"h\x03C\x04\x07\x17\x0c\x0a\x85R");
    }
    stream.extend(b"e.");
    assert_eq!(scan(&stream).verdict, Verdict::Clean);
}

#[test]
fn what_is_refused_for_its_arguments_needs_to_be_granted_at_any_size() {
    let calls: [(&str, &str, &[u8]); 4] = [
        ("zoneinfo", "ZoneInfo", b"\x8c\x05../..\x85"),
        ("datetime", "date", b"C\x05\x07\x17\x0c\x0a\x0a\x85"),
        ("datetime", "timedelta", b"J\xff\xff\xff\x7fK\x00K\x00\x87"),
        ("decimal", "Decimal", b"\x8c\x03a/b\x85"),
    ];
    for (module, name, args) in calls {
        for filler in [0, 5 << 20, 20 << 20] {
            let mut stream = b"\x80\x04(B".to_vec();
            stream.extend((filler as u32).to_le_bytes());
            stream.resize(stream.len() + filler, b'x');
            for text in [module, name] {
                stream.extend([0x8c, text.len() as u8]);
                stream.extend(text.bytes());
            }
            stream.extend([b"\x93", args, b"Rt."].concat());
            let file = scan(&stream);
            assert_eq!(file.verdict, Verdict::Needs, "{module}.{name} after {filler} bytes");
            let global = format!("{module}.{name}");
            let findings = &file.streams[0].findings;
            assert!(
                findings.iter().any(|finding| finding.global.as_deref() == Some(&*global)),
                "{findings:?}"
            );
        }
    }
}
