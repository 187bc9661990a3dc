//! Streams and what is thought of them.

use brinery_scan::{Report, Scanner, Verdict};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;

fn scan(bytes: &[u8]) -> Report {
    Scanner::new().threads(1).scan_bytes("file", bytes)
}

fn verdict(bytes: &[u8]) -> Verdict {
    scan(bytes).verdict()
}

/// `os.system('true')` as protocol 0 spells it.
const CALL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

#[test]
fn data_is_clean() {
    for data in [
        &b"N."[..],
        b"\x80\x04]\x94(K\x01K\x02e.",
        b"(dp0\nS'a'\np1\nI1\ns.",
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01u.",
        b"no pickle at all",
        b"",
    ] {
        assert_eq!(verdict(data), Verdict::Clean, "{data:?}");
    }
}

#[test]
fn calls_in_every_spelling_are_dangerous() {
    for stream in [
        CALL,
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
        b"\x80\x02cposix\nsystem\nU\x04true\x85R.",
        b"c__builtin__\neval\n(V1\ntR.",
        b"ccommands\ngetoutput\n(V1\ntR.",
        b"cos\nsystem\np0\n0g0\n(S'true'\ntR.",
        b"\x80\x02csubprocess\nPopen\nU\x04true\x85\x81.",
        b"\x80\x04\x8c\x05numpy\x8c\x0ef2py.os.system\x93\x8c\x04true\x85R.",
        b"\x80\x04\x8c\x06random\x8c\x0a_os.system\x93\x8c\x04true\x85R.",
    ] {
        assert_eq!(verdict(stream), Verdict::Dangerous, "{stream:?}");
    }
}

#[test]
fn effects_without_calls_are_dangerous() {
    for stream in [
        // A hook forged as an attribute, a live dict written to, a class changed, a module imported for its sake.
        &b"\x80\x02cshop\nOrder\n)\x81}X\x09\0\0\0__class__NsbN."[..],
        b"\x80\x04\x8c\x04shop\x8c\x08REGISTRY\x93K\x01K\x02s.",
        b"\x80\x04\x8c\x04shop\x8c\x05Order\x93}b.",
        b"\x80\x04cshop\nsetup\n0N.",
        b"\x80\x04cantigravity\nfly\n.",
    ] {
        assert_eq!(verdict(stream), Verdict::Dangerous, "{stream:?}");
    }
}

#[test]
fn what_breaks_after_its_payload_is_dangerous_all_the_same() {
    let body = &CALL[..CALL.len() - 1];
    for tail in [&b""[..], b"\xff", b"0000.", b"X\xff\xff\xff\x7f", b"h\xff."] {
        assert_eq!(verdict(&[body, tail].concat()), Verdict::Dangerous, "{tail:?}");
    }
}

#[test]
fn streams_count_wherever_they_start() {
    let data = b"\x80\x04]\x94.";
    for prefix in [&data[..], b"\x01\x02\x03\x04", b"!", &[0; 5000], b"\x80\x04]\x94.\n\n", b"HEADER v1\n"] {
        assert_eq!(verdict(&[prefix, CALL].concat()), Verdict::Dangerous, "{prefix:?}");
        let modern = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.";
        assert_eq!(verdict(&[prefix, modern].concat()), Verdict::Dangerous, "{prefix:?}");
        assert_eq!(verdict(&[prefix, &modern[2..]].concat()), Verdict::Dangerous, "{prefix:?}");
    }
}

#[test]
fn classes_of_the_program_have_to_be_granted() {
    for stream in [
        &b"\x80\x02cshop\nOrder\nq\0)\x81q\x01}q\x02X\x01\0\0\0aq\x03K\x01sb."[..],
        b"\x80\x04\x8c\x04shop\x8c\x05Color\x93K\x01\x85R.",
        b"ccopy_reg\n_reconstructor\n(cshop\nOrder\nc__builtin__\nobject\nNtR.",
    ] {
        assert_eq!(verdict(stream), Verdict::Needs, "{stream:?}");
    }
}

#[test]
fn streams_that_cost_too_much_are_over_budget() {
    let mut hash = b"\x80\x04})".to_vec();
    hash.extend(b"2\x86".repeat(60));
    hash.extend(b"Ns.");
    let deep = [&b"\x80\x04)"[..], &b"\x85".repeat(200_000), b"."].concat();
    let sets = [&b"\x80\x04("[..], &b"\x8f".repeat(2_000_000), b"t."].concat();
    let mut collisions = b"\x80\x04}(".to_vec();
    for factor in 1..3000u128 {
        let key = factor * ((1 << 61) - 1);
        collisions.extend([0x8a, 16]);
        collisions.extend(key.to_le_bytes());
        collisions.push(b'N');
    }
    collisions.extend(b"u.");
    let digits = [&b"I"[..], &b"9".repeat(100_000), b"\n."].concat();
    for stream in [
        &hash[..],
        &deep,
        &sets,
        &collisions,
        &digits,
        b"\x80\x04cbuiltins\nbytearray\n\x8a\x05\0\0\0\0\x7f\x85R.",
        b"\x80\x04Nr\xff\xff\xff\x7f.",
        b"\x80\x04\x8e\0\0\0\0\x10\0\0\0abc",
    ] {
        let report = scan(stream);
        assert!(report.verdict() >= Verdict::Budget, "{:?}: {:?}", &stream[..20], report.verdict());
    }
}

#[test]
fn readers_that_differ_make_it_ambiguous_or_worse() {
    for stream in
        [&b"\x80\x02\x82\x01."[..], b"\x80\x04\x80\x02cshop\nOrder\n)\x81.", b"I1_0\n0cshop\nOrder\n)\x81."]
    {
        assert!(verdict(stream) >= Verdict::Ambiguous, "{stream:?}");
    }
}

#[test]
fn layers_are_known_by_content() {
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let zlib = |data: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let bzip2 = |data: &[u8]| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    for packed in
        [gzip(CALL), zlib(CALL), bzip2(CALL), gzip(&gzip(CALL)), [&b"N.\x80\x04N."[..], &zlib(CALL)].concat()]
    {
        assert_eq!(verdict(&packed), Verdict::Dangerous);
    }
    // A cut file is not passed over in silence.
    let cut = gzip(&[b"\x80\x04]\x94.", &vec![7; 50_000][..]].concat());
    assert_eq!(scan(&cut[..cut.len() - 12]).exit_code(false), 2);
}

/// A stored member: its local header and data, and its entry in the directory.
fn member(name: &str, data: &[u8], at: usize) -> (Vec<u8>, Vec<u8>) {
    let len = (data.len() as u32).to_le_bytes();
    let name_len = (name.len() as u16).to_le_bytes();
    let sizes = [&[0; 4][..], &len, &len, &name_len, &[0; 2]].concat();
    let local = [&b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0"[..], &sizes, name.as_bytes(), data].concat();
    let entry = [
        &b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0"[..],
        &sizes,
        &[0; 10],
        &(at as u32).to_le_bytes(),
        name.as_bytes(),
    ]
    .concat();
    (local, entry)
}

fn archive(locals: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
    let directory = entries.concat();
    let count = (entries.len() as u16).to_le_bytes();
    let end = [
        &b"PK\x05\x06\0\0\0\0"[..],
        &count,
        &count,
        &(directory.len() as u32).to_le_bytes(),
        &(locals.len() as u32).to_le_bytes(),
        &[0; 2],
    ]
    .concat();
    [locals, &directory, &end].concat()
}

#[test]
fn both_lists_of_a_zip_are_walked() {
    let (good, good_entry) = member("data.pkl", b"\x80\x02N.", 0);
    assert_eq!(verdict(&archive(&good, std::slice::from_ref(&good_entry))), Verdict::Clean);

    let (bad, bad_entry) = member("data.pkl", CALL, 0);
    let report = scan(&archive(&bad, &[bad_entry]));
    assert_eq!(report.files[0].streams[0].container, "file::data.pkl");
    assert_eq!(report.verdict(), Verdict::Dangerous);

    // A member that the directory does not have.
    let (hidden, _) = member("hidden.pkl", CALL, good.len());
    let report = scan(&archive(&[good.clone(), hidden].concat(), std::slice::from_ref(&good_entry)));
    assert_eq!(report.verdict(), Verdict::Dangerous);
    assert!(report.files[0].notes.iter().any(|note| note.rule == "zip-lists-differ"));

    // Another name in the header than in the directory.
    let (_, renamed) = member("other.pkl", b"\x80\x02N.", 0);
    assert_eq!(verdict(&archive(&good, &[renamed])), Verdict::Ambiguous);

    // Encrypted: said, not passed over.
    let mut encrypted = archive(&good, &[good_entry]);
    let flags = encrypted.windows(4).position(|window| window == b"PK\x01\x02").unwrap() + 8;
    encrypted[flags] |= 1;
    assert!(verdict(&encrypted) >= Verdict::Unreadable);
}

#[test]
fn text_is_decoded() {
    assert_eq!(verdict(br#"{"body": "Y29zCnN5c3RlbQooUyd0cnVlJwp0Ui4=", "n": 1}"#), Verdict::Dangerous);
    let mut hexadecimal = String::new();
    for byte in CALL {
        write!(hexadecimal, "{byte:02x}").unwrap();
    }
    assert_eq!(verdict(hexadecimal.as_bytes()), Verdict::Dangerous);
    assert_eq!(verdict(b"class\nnames\nimport\ncos\nine\nwords and more words\n"), Verdict::Clean);
}

#[test]
fn large_streams_are_read_through_a_window() {
    let path = std::env::temp_dir().join(format!("brinery-scan-{}.pkl", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    let len = 40u64 << 20;
    file.write_all(b"\x80\x05](\x8e").unwrap();
    file.write_all(&len.to_le_bytes()).unwrap();
    for _ in 0..40 {
        file.write_all(&vec![b'c'; 1 << 20]).unwrap();
    }
    file.write_all(b"\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94e.").unwrap();
    drop(file);
    let report = Scanner::new().scan_file(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(report.verdict, Verdict::Dangerous);
    assert_eq!(report.streams[0].len, report.size);
}

#[test]
fn what_is_fetched_is_remembered_among_millions_of_values() {
    let calls = |name: &[u8]| {
        // Stored under 300 and some, and far behind.
        let mut stream = b"\x80\x04](".to_vec();
        stream.extend(b"]\x94".repeat(300));
        stream.extend(b"\x8c\x02os\x94\x8c\x06");
        stream.extend(name);
        stream.extend(b"\x94");
        stream.extend(b"e(");
        for _ in 0..5000 {
            stream.extend(b"]\x94}\x94".repeat(500));
            stream.extend(b"e(");
        }
        let last = 302 + 5000 * 1000;
        stream.extend(b"\x8c\x04true\x94");
        stream.extend(b"]\x94}\x94".repeat(500));
        stream.extend(b"e(");
        for index in [300, 301] {
            stream.push(b'j');
            stream.extend(u32::to_le_bytes(index));
        }
        stream.extend(b"\x93j");
        stream.extend(u32::to_le_bytes(last));
        stream.extend(b"\x85Re.");
        scan(&stream)
    };
    let report = calls(b"system");
    assert_eq!(report.verdict(), Verdict::Dangerous);
    let arguments =
        report.files[0].streams[0].findings.iter().find_map(|finding| finding.arguments.as_deref());
    assert_eq!(arguments, Some("(\"true\",)"));
    let whole = &report.files[0].streams[0];
    assert!(
        whole.findings.iter().all(|finding| finding.verdict != Verdict::Malformed),
        "{:?}",
        whole.findings
    );
}

#[test]
fn what_is_held_at_a_time_is_bounded() {
    let rules = |stream: &[u8]| -> Vec<&'static str> {
        scan(stream).files[0]
            .streams
            .iter()
            .flat_map(|stream| stream.findings.iter().map(|it| it.rule))
            .collect()
    };
    assert_eq!(rules(&b"(".repeat(17 << 20)), ["budget-stack"]);
    assert_eq!(rules(&[b"(".to_vec(), b"K\x01".repeat(17 << 20)].concat()), ["budget-stack"]);
    let names: Vec<u8> = (0..100_000).flat_map(|n| format!("cm{n}\nC\n0").into_bytes()).collect();
    assert!(rules(&[&b"\x80\x02"[..], &names, b"N."].concat()).contains(&"budget-names"));
    let hooks = b"}\x8c\x07__new__Ns".repeat(100_000);
    assert!(rules(&[b"\x80\x04](", &hooks[..], b"e."].concat()).contains(&"budget-hooks"));
}

#[test]
fn the_worst_of_many_findings_is_kept() {
    let mut stream = b"\x80\x02".to_vec();
    for number in 0..2000 {
        stream.extend(format!("cshop\nOrder{number}\n)\x20").replace(' ', "").as_bytes());
        stream.extend(b"\x810");
    }
    stream.extend(&CALL[..CALL.len()]);
    let report = scan(&stream);
    assert_eq!(report.verdict(), Verdict::Dangerous);
}

#[test]
fn cut_archives_come_to_an_end() {
    let member = b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xcf,|]\x00\x00\x00\x00\x02\x00\x00\x00\x05\x00\x00\x00\x04\x00\x00\x00data\x4b\x04";
    for end in 0..member.len() {
        for times in 1..4 {
            let mut bytes = member[..end].repeat(times);
            bytes.extend_from_slice(&member[..end / 2]);
            scan(&bytes);
        }
    }
}

/// A zip archive of one stored member, to which its directory points as often as is asked for.
fn overlapping(data: &[u8], name: &[u8], times: u16) -> Vec<u8> {
    let len = (data.len() as u32).to_le_bytes();
    let name_len = (name.len() as u16).to_le_bytes();
    let mut bytes = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend([&len[..], &len, &name_len, b"\0\0", name, data].concat());
    let start = bytes.len() as u32;
    for _ in 0..times {
        bytes.extend_from_slice(b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend([&len[..], &len, b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a"].concat());
    }
    let directory = bytes.len() as u32 - start;
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend([times.to_le_bytes(), times.to_le_bytes()].concat());
    bytes.extend([directory.to_le_bytes(), start.to_le_bytes()].concat());
    bytes.extend_from_slice(b"\0\0");
    bytes
}

/// What takes out of proportion long is said to, and does not take it.
#[track_caller]
fn comes_to_an_end(bytes: &[u8]) -> Verdict {
    let began = std::time::Instant::now();
    let report = Scanner::new().threads(1).scan_bytes("file", bytes);
    let took = began.elapsed();
    assert!(took.as_secs() < 60, "{took:?}");
    report.verdict()
}

#[test]
fn members_that_lie_over_one_another_are_not_looked_at_for_ever() {
    let bytes = overlapping(&vec![b'.'; 1 << 20], b"a", 40_000);
    assert!(comes_to_an_end(&bytes) >= Verdict::Budget);
    let bytes = overlapping(b".", &vec![b'a'; 65_535], 60_000);
    assert!(comes_to_an_end(&bytes) >= Verdict::Ambiguous);
}

#[test]
fn text_in_which_something_may_begin_everywhere_is_not_decoded_for_ever() {
    for unit in ["\"", "(\n", "\"#0000\n", "gASV", "\"J-J-", "%80=80&#128;\\x80", "128,4,"] {
        comes_to_an_end(unit.repeat((1 << 18) / unit.len()).as_bytes());
    }
}

#[test]
fn lengths_in_archives_do_not_lead_backwards() {
    let mut header = [0u8; 512];
    header[..4].copy_from_slice(b"data");
    // A length that leads from the end of the header to its start.
    header[124] = 0x80;
    header[128..136].copy_from_slice(&512u64.wrapping_neg().to_be_bytes());
    header[148..156].fill(b' ');
    let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(comes_to_an_end(&header.repeat(3)) >= Verdict::Malformed);
}

#[test]
fn values_of_databases_that_share_pages_are_not_read_for_ever() {
    // Berkeley: each page begins a chain that goes through all that come after it.
    let mut bytes = vec![0u8; 512];
    bytes[12..16].copy_from_slice(&0x0005_3162u32.to_le_bytes());
    bytes[20..24].copy_from_slice(&512u32.to_le_bytes());
    for page in 1..20_000u32 {
        let mut content = vec![0u8; 512];
        content[16..20].copy_from_slice(&(page + 1).to_le_bytes());
        content[22..24].copy_from_slice(&486u16.to_le_bytes());
        content[25] = 7;
        bytes.extend(content);
    }
    assert_eq!(comes_to_an_end(&bytes), Verdict::Budget);

    // SQLite: all cells of a page are one row, whose overflow page follows itself.
    let mut bytes = vec![0u8; 4 << 20];
    bytes[..16].copy_from_slice(b"SQLite format 3\0");
    bytes[16..18].copy_from_slice(&1u16.to_be_bytes());
    let page = &mut bytes[65_536..131_072];
    page[0] = 0x0d;
    page[3..5].copy_from_slice(&16_000u16.to_be_bytes());
    for cell in 0..16_000 {
        page[8 + 2 * cell..10 + 2 * cell].copy_from_slice(&40_000u16.to_be_bytes());
    }
    page[40_000..40_005].copy_from_slice(b"\x81\xf0\x80\x00\x01");
    page[40_005..].fill(3);
    assert_eq!(comes_to_an_end(&bytes), Verdict::Budget);
}

#[test]
fn streams_that_begin_everywhere_are_not_run_over_for_ever() {
    // In a string of a pickle, each part of which runs on to the end.
    let mut inside = b"\x80\x04N0".repeat(1 << 18);
    let mut bytes = b"\x80\x04B".to_vec();
    bytes.extend((inside.len() as u32).to_le_bytes());
    bytes.append(&mut inside);
    bytes.push(b'.');
    assert_eq!(comes_to_an_end(&bytes), Verdict::Budget);
    // By themselves, each looking for the end of a line that has none.
    assert_eq!(comes_to_an_end(&b"\x80\x04c".repeat(1 << 20)), Verdict::Budget);
    // Calls by the hundred thousand, of a name of some length.
    let mut calls = b"\x80\x02c".to_vec();
    calls.extend(b"os.".repeat(1000));
    calls.extend_from_slice(b"path\nsystem\nq\x00)q\x01");
    calls.extend(b"h\x00h\x01R0".repeat(1 << 19));
    calls.extend_from_slice(b"N.");
    assert_eq!(comes_to_an_end(&calls), Verdict::Dangerous);
}

#[test]
fn what_the_program_has_itself_needs_to_be_granted() {
    // A function of the program that gets no text but a word, by its name makes something, or finds what is there already; a
    // class with text; a method of what the stream has made.
    for stream in [
        &b"\x80\x04\x8c\x04shop\x8c\x06regain\x93\x8c\x01x\x85R."[..],
        b"\x80\x04\x8c\x04shop\x8c\x06regain\x93K\x01\x85R.",
        b"\x80\x04\x8c\x04shop\x8c\x06remake\x93\x8c\x01x\x85R.",
        b"\x80\x04\x8c\x04shop\x8c\x06lookup\x93\x8c\x01x\x85R.",
        b"\x80\x04\x8c\x04shop\x8c\x05Color\x93\x8c\x01x\x85R.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x04shop\x8c\x05Order\x93)\x81\x8c\x04ship\x86R.",
    ] {
        assert_eq!(scan(stream).verdict(), Verdict::Needs, "{stream:?}");
    }
    // What a function does with text that looks like a path or code is not known, be it the program's own or of a package that is not known either. What
    // is around a method, and what others have, is not the program's own.
    for stream in [
        &b"\x80\x04\x8c\x04shop\x8c\x06regain\x93\x8c\x03a/b\x85R."[..],
        b"\x80\x04\x8c\x04shop\x8c\x06regain\x93\x8c\x03a()\x85R}b.",
        b"\x80\x04\x8c\x04shop\x8c\x06regain\x93K\x01\x85R}b.",
        b"\x80\x04\x8c\x04shop\x8c\x06lookup\x93)R]a.",
        b"\x80\x04\x8c\x04shop\x8c\x0cCACHE.update\x93}\x85R.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93cpathlib\nPosixPath\n\x8c\x01x\x85R\x8c\x06unlink\x86R.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x04shop\x8c\x05Order\x93)\x81\x8c\x09__class__\x86R.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x04shop\x8c\x05Order\x93)\x81\x8c\x04ship\x86R)R.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x04shop\x8c\x06remake\x93\x8c\x0b__globals__\x86R.",
        b"\x80\x04\x8c\x04shop\x8c\x06system\x93\x8c\x01x\x85R.",
        b"\x80\x04\x8c\x04shop\x8c\x0aos.listdir\x93\x8c\x01x\x85R.",
    ] {
        assert_eq!(scan(stream).verdict(), Verdict::Dangerous, "{stream:?}");
    }
}

#[test]
fn a_policy_can_know_the_function_that_nobody_knows() {
    let text = |call: &str| {
        format!("policy = 1\n[globals.\"shop:regain\"]\ncall = \"{call}\"\nsetstate = \"dict\"\n")
    };
    let judge = |call: &str, stream: &[u8]| {
        let policy = brinery::policy::Policy::from_toml(&text(call)).unwrap();
        Scanner::new().threads(1).policy(policy).scan_bytes("file", stream).verdict()
    };
    let call = b"\x80\x04\x8c\x04shop\x8c\x06regain\x93\x8c\x03a/b\x85R.";
    assert_eq!(judge("tuple[str]", call), Verdict::Clean);
    let built = [&call[..call.len() - 1], b"}b."].concat();
    assert_eq!(judge("tuple[str]", &built), Verdict::Clean);
    // With other arguments than are granted, beside something worse, and far behind many calls that are granted.
    assert_eq!(judge("tuple[int]", call), Verdict::Dangerous);
    let system = &b"c__builtin__\neval\n\x8c\x01x\x85R."[..];
    let both = [&call[..call.len() - 1], b"0", system].concat();
    assert_eq!(judge("tuple[str]", &both), Verdict::Dangerous);
    let many = [&b"\x80\x04"[..], &[&call[2..call.len() - 1], b"0"].concat().repeat(1000), system].concat();
    assert_eq!(judge("tuple[str]", &many), Verdict::Dangerous);
    let many = [&b"\x80\x04"[..], &[&call[2..call.len() - 1], b"0"].concat().repeat(1000), b"N."].concat();
    assert_eq!(judge("tuple[str]", &many), Verdict::Clean);
}

#[test]
fn what_a_loader_resolves_before_it_fails_is_told() {
    // No PROTO, and broken in the middle.
    let stream = b"]q\x00(cdatetiime\ndatetime\nq\x01(c_codecs\nen";
    let report = Scanner::new().expects_pickle(true).scan_bytes("bytes", stream);
    let names: Vec<String> =
        report.files[0].streams[0].globals.iter().map(|it| format!("{}.{}", it.module, it.name)).collect();
    assert_eq!((report.verdict(), names), (Verdict::Malformed, vec!["datetiime.datetime".to_owned()]));
    // In a file that is none by its name, what anybody has counts.
    assert_eq!(scan(stream).verdict(), Verdict::Clean, "{:?}", scan(stream));
    assert_eq!(scan(b"](cdatetime\ndatetime\nq\x01(c_codecs\nen").verdict(), Verdict::Malformed);
    assert_eq!(scan(b"city,country\nLima,Peru\n").verdict(), Verdict::Clean);
}

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Stores many texts in a memo, as picklers do or `odd`ly, and makes globals of some of them. Returns their names, too.
fn names_from_the_memo(random: &mut Random, odd: u64) -> (Vec<u8>, BTreeSet<[String; 2]>) {
    let mut stream = b"\x80\x04(".to_vec();
    let mut memo: Vec<String> = Vec::new();
    let text = |stream: &mut Vec<u8>, text: &str, form: u64| match form {
        0 => stream.extend(format!("V{text}\n").as_bytes()),
        1 => stream.extend(format!("S'{text}'\n").as_bytes()),
        2 => stream.extend([b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()),
        _ => stream.extend([b"\x8c", &[text.len() as u8][..], text.as_bytes()].concat()),
    };
    for number in 0..1500 + random.below(300) {
        let long = if random.below(200) == 0 { 200 } else { random.below(6) as usize };
        let name = format!("m{number}{}", "x".repeat(long));
        let is_odd = random.below(1000) < odd;
        if is_odd && random.below(3) == 0 {
            // Another text is made and taken away again, before or after.
            text(&mut stream, "other", random.below(4));
            stream.push(b'0');
        }
        text(&mut stream, &name, if is_odd { [0, 2, 3][random.below(3) as usize] } else { 3 });
        match if is_odd { random.below(8) } else { 9 } {
            0 => {
                text(&mut stream, "after", random.below(4));
                stream.push(b'0');
            }
            // Something else is stored before it is.
            1 => {
                stream.extend(b"]\x940");
                memo.push(String::new());
            }
            // It is stored where another was.
            2 if !memo.is_empty() => {
                let index = random.below(memo.len() as u64) as usize;
                stream.extend([b"r", &(index as u32).to_le_bytes()[..]].concat());
                memo[index].clone_from(&name);
            }
            // What is stored is not the text but what was fetched after it.
            3 if !memo.is_empty() => {
                let index = random.below(memo.len() as u64) as usize;
                stream.extend([b"j", &(index as u32).to_le_bytes()[..], b"\x940"].concat());
                memo.push(memo[index].clone());
            }
            4 => stream.extend(b"\x95\0\0\0\0\0\0\0\0"),
            5 => stream.extend(b"K\x010"),
            _ => {}
        }
        if is_odd && random.below(2) == 0 {
            stream.extend([b"r", &(memo.len() as u32).to_le_bytes()[..]].concat());
        } else {
            stream.push(b'\x94');
        }
        memo.push(name);
    }
    stream.extend(b"t(");
    let known: Vec<usize> = (0..memo.len()).filter(|&index| !memo[index].is_empty()).collect();
    let first = random.below(known.len() as u64 - 200) as usize;
    let mut names = BTreeSet::new();
    for pair in known[first..first + 200].as_chunks::<2>().0 {
        for &index in pair {
            stream.extend([b"j", &(index as u32).to_le_bytes()[..]].concat());
        }
        stream.push(b'\x93');
        names.insert(pair.map(|index| memo[index].clone()));
    }
    stream.extend(b"t.");
    (stream, names)
}

#[test]
fn names_are_what_the_memo_has_however_it_was_filled() {
    let mut random = Random(1);
    for round in 0..400 {
        let (stream, names) = names_from_the_memo(&mut random, [0, 2, 20, 300][round % 4]);
        let globals = &scan(&stream).files[0].streams[0].globals;
        let found = globals.iter().map(|global| [global.module.clone(), global.name.clone()]).collect();
        assert_eq!(names, found, "round {round}");
        let graph = brinery::Graph::from_slice(&stream).unwrap();
        let loaded = graph.root().items().map(|item| {
            let global = item.as_global().unwrap();
            [global.module().into_owned(), global.name().into_owned()]
        });
        assert_eq!(names, loaded.collect(), "the test itself");
    }
}
