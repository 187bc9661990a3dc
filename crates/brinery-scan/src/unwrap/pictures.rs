//! Pictures and documents: where there is zlib data in PNG and PDF files.

use super::layer::Layer;
use crate::blob::Blob;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const PDF: &[u8] = b"%PDF-";
/// What is before the data of a stream in a PDF file, and a line break.
const STREAM: &[u8] = b"stream";
/// How many bytes are looked at at a time.
const WINDOW: usize = 1 << 20;
/// How long what goes before the compressed text of a chunk is at most: its keyword, its language and the like.
const LABELS: usize = 512;
/// How much of the points of a picture is put together.
const MOST_POINTS: usize = 64 << 20;

/// Compressed data.
pub(crate) enum Piece<'a> {
    /// A text of a picture.
    Text(Blob<'a>),
    /// The points of a picture, or something in a document: honest ones do not begin as pickles do.
    Other(Blob<'a>),
}

/// The compressed data in a file that begins with this.
pub(crate) fn pieces<'a>(blob: &Blob<'a>, head: &[u8]) -> Vec<(u64, Piece<'a>)> {
    if head.starts_with(PNG) {
        in_png(blob)
    } else if head.starts_with(PDF) {
        in_pdf(blob)
    } else {
        Vec::new()
    }
}

fn in_png<'a>(blob: &Blob<'a>) -> Vec<(u64, Piece<'a>)> {
    let (mut pieces, mut points, mut first) = (Vec::new(), Vec::new(), None);
    let mut at = PNG.len() as u64;
    while let Ok((header, 8)) = blob.peek::<8>(at) {
        let [a, b, c, d, name @ ..] = header;
        let (start, len) = (at + 8, u64::from(u32::from_be_bytes([a, b, c, d])));
        let chunk = blob.part(start, len);
        if &name == b"IDAT" {
            first.get_or_insert(start);
            let room = MOST_POINTS.saturating_sub(points.len()).min(len as usize);
            points.extend(chunk.get(0, room).unwrap_or_default());
        } else if let Ok(labels) = chunk.head(LABELS)
            && let Some(place) = text_at(name, &labels)
        {
            pieces.push((start + place as u64, Piece::Text(chunk.from(place as u64))));
        }
        at = start + len + 4;
    }
    pieces.extend(first.map(|first| (first, Piece::Other(Blob::of(points)))));
    pieces
}

/// Where in a chunk that begins with this compressed text is.
fn text_at(name: [u8; 4], chunk: &[u8]) -> Option<usize> {
    let end = |from: usize| chunk.get(from..)?.iter().position(|&byte| byte == 0).map(|len| from + len);
    let place = match &name {
        // Keyword, method.
        b"zTXt" | b"iCCP" => end(0)? + 2,
        // Keyword, whether it is compressed, method, language, keyword in that.
        b"iTXt" => end(end(end(0)? + 3)? + 1)? + 1,
        // Chunks of programs.
        _ => 0,
    };
    (Layer::of(chunk.get(place..)?) == Some(Layer::Zlib)).then_some(place)
}

fn in_pdf<'a>(blob: &Blob<'a>) -> Vec<(u64, Piece<'a>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Ok(window) = blob.view(at, WINDOW)
        && window.len() > STREAM.len()
    {
        for place in memchr::memmem::find_iter(&window, STREAM) {
            let place = at + (place + STREAM.len()) as u64;
            let Ok((next, _)) = blob.peek::<16>(place) else { continue };
            let line = match next {
                [b'\r', b'\n', ..] => 2,
                [b'\n' | b'\r', ..] => 1,
                _ => continue,
            };
            if Layer::of(&next[line..]) == Some(Layer::Zlib) {
                let place = place + line as u64;
                pieces.push((place, Piece::Other(blob.from(place))));
            }
        }
        // What lies over the border is found in the next.
        at += (window.len() - STREAM.len()) as u64;
    }
    pieces
}
