//! Several pickles one after the other.

use super::direct;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::value::Graph;
use ::serde::Deserialize;
use std::io::{self, BufRead as _};
use std::{fmt, marker::PhantomData};

/// Where the pickles come from.
enum Input<'a> {
    Slice { rest: &'a [u8], offset: u64 },
    Reader(Counted<'a>),
    End,
}

/// Where one of them is: the part of a slice that it begins, if there is one, and its offset.
struct Place<'a> {
    start: Option<&'a [u8]>,
    offset: u64,
}

/// A reader that knows how much was read.
struct Counted<'a> {
    reader: Box<dyn io::BufRead + 'a>,
    count: u64,
}

impl io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl io::BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        self.reader.consume(amount);
    }
}

/// Reads the pickles of one input, one after the other, as a file has them that was written with several calls of
/// `pickle.dump`.
///
/// As an iterator it gives graphs; [`typed`](Self::typed) gives Rust types. It ends at the end of the input or after
/// an error, whose offset counts from the start of the input. Each pickle has a memo of its own.
///
/// ```
/// use brinery::Stream;
///
/// let graphs: Vec<_> = Stream::from_slice(b"K\x01.].").map(|graph| graph.unwrap().to_string()).collect();
/// assert_eq!(graphs, ["1", "[]"]);
/// ```
pub struct Stream<'a> {
    input: Input<'a>,
    options: Options<'a>,
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = match &self.input {
            Input::Slice { rest, .. } => format!("{} bytes", rest.len()),
            Input::Reader(_) => "a reader".into(),
            Input::End => "nothing".into(),
        };
        f.debug_struct("Stream").field("rest", &rest).field("options", &self.options).finish()
    }
}

impl<'a> Stream<'a> {
    /// Reads the pickles in a slice.
    ///
    /// ```
    /// let sum: u32 = brinery::Stream::from_slice(b"K\x01.K\x02.").typed::<u32>().map(|n| n.unwrap()).sum();
    /// assert_eq!(sum, 3);
    /// ```
    pub fn from_slice(input: &'a [u8]) -> Self {
        Stream { input: Input::Slice { rest: input, offset: 0 }, options: Options::new() }
    }

    /// Reads the pickles of a reader.
    ///
    /// ```
    /// let mut stream = brinery::Stream::from_reader(&b"K\x01.K\x02."[..]);
    /// assert_eq!(stream.next().unwrap().unwrap().root().as_i64(), Some(1));
    /// ```
    pub fn from_reader(reader: impl io::BufRead + 'a) -> Self {
        Stream {
            input: Input::Reader(Counted { reader: Box::new(reader), count: 0 }),
            options: Options::new(),
        }
    }

    /// Reads them in another way than usual.
    ///
    /// ```
    /// use brinery::{Options, Stream, StringEncoding};
    ///
    /// let latin1 = Options::new().strings(StringEncoding::Latin1);
    /// let mut stream = Stream::from_slice(b"U\x01\xe9.").options(latin1).typed::<String>();
    /// assert_eq!(stream.next().unwrap().unwrap(), "é");
    /// ```
    #[must_use]
    pub fn options(mut self, options: Options<'a>) -> Self {
        self.options = options;
        self
    }

    /// Makes a Rust type of each pickle.
    ///
    /// ```
    /// let words = brinery::Stream::from_slice(b"X\x01\0\0\0a.X\x01\0\0\0b.").typed::<&str>();
    /// assert_eq!(words.collect::<Result<Vec<_>, _>>().unwrap(), ["a", "b"]);
    /// ```
    pub fn typed<T: Deserialize<'a>>(self) -> Typed<'a, T> {
        Typed { stream: self, made: PhantomData }
    }

    /// The next pickle, with where it is; where its objects are is known for a slice, or if it `is_to_fit` a type.
    fn advance(&mut self, is_to_fit: bool) -> Option<Result<(Graph<'a>, Place<'a>)>> {
        let result = match &mut self.input {
            Input::End => return None,
            Input::Slice { rest: [], .. } => {
                self.input = Input::End;
                return None;
            }
            Input::Slice { rest, offset } => {
                let place = Place { start: Some(rest), offset: *offset };
                self.options.graph_from_start(rest).map_err(|error| error.offset_by(place.offset)).map(
                    |(graph, end)| {
                        *offset += (rest.len() - end.len()) as u64;
                        *rest = end;
                        (graph, place)
                    },
                )
            }
            Input::Reader(reader) => match reader.fill_buf() {
                Ok([]) => {
                    self.input = Input::End;
                    return None;
                }
                Ok(_) => {
                    let place = Place { start: None, offset: reader.count };
                    // It cannot be read again to find out where an object that does not fit came from.
                    let graph = if is_to_fit && !self.options.wants_offsets() {
                        self.options.clone().offsets(true).graph_from_reader(reader)
                    } else {
                        self.options.graph_from_reader(reader)
                    };
                    graph.map_err(|error| error.offset_by(place.offset)).map(|graph| (graph, place))
                }
                Err(error) => Err(Error::from(error)),
            },
        };
        if result.is_err() {
            self.input = Input::End;
        }
        Some(result)
    }
}

impl<'a> Iterator for Stream<'a> {
    type Item = Result<Graph<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.advance(false)?.map(|(graph, _)| graph))
    }
}

/// The pickles of a [`Stream`] as Rust types; made by [`Stream::typed`].
///
/// A pickle that does not fit the type is an error and no end: the next one may.
///
/// ```
/// let numbers: Vec<_> = brinery::Stream::from_slice(b"K\x01.N.K\x02.").typed::<u8>().collect();
/// assert!(numbers[0].is_ok() && numbers[1].is_err() && numbers[2].is_ok());
/// ```
#[derive(Debug)]
pub struct Typed<'a, T> {
    stream: Stream<'a>,
    made: PhantomData<fn() -> T>,
}

impl<'a, T: Deserialize<'a>> Iterator for Typed<'a, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Input::Slice { rest, offset } = &mut self.stream.input
            && let Some((value, after)) = direct::read(&self.stream.options, rest)
        {
            *offset += (rest.len() - after.len()) as u64;
            *rest = after;
            return Some(Ok(value));
        }
        let result = self.stream.advance(true)?;
        Some(result.and_then(|(graph, place)| {
            let options = &self.stream.options;
            options.from_value(graph.root()).map_err(|error| {
                let error = match place.start {
                    Some(start) => options.locate(error, start),
                    None => error,
                };
                error.offset_by(place.offset)
            })
        }))
    }
}
