//! Several pickles in one input.

use serde::Deserialize;
#[test]
fn errors_in_a_stream_count_from_its_start_wherever_it_comes_from() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Count {
        a: u8,
    }
    // {'a': 1}, {'a': 'x'}, {'a': 2}, and what is cut off.
    let one = b"\x80\x04\x95\x09\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.";
    let text = b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94\x8c\x01xs.";
    let two = b"\x80\x04\x95\x09\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x02s.";
    let input = [&one[..], &text[..], &two[..], b"\x80\x04]K"].concat();
    let told = |results: &mut dyn Iterator<Item = brinery::Result<Count>>| -> Vec<_> {
        results.map(|result| result.map_err(|error| (error.to_string(), error.offset()))).collect()
    };
    let whole = told(&mut brinery::Stream::from_slice(&input).typed());
    let pieces = std::io::BufReader::with_capacity(3, &input[..]);
    assert_eq!(told(&mut brinery::Stream::from_reader(pieces).typed()), whole);
    assert_eq!(whole.len(), 4);
    assert_eq!((&whole[0], &whole[2]), (&Ok(Count { a: 1 }), &Ok(Count { a: 2 })));
    let at = (one.len() + 17) as u64;
    let message = format!("invalid type: string \"x\", expected u8, at offset {at}, in obj['a']");
    assert_eq!(whole[1], Err((message, Some(at))));
    assert_eq!(whole[3].as_ref().unwrap_err().1, Some((one.len() + text.len() + two.len() + 3) as u64));
}
