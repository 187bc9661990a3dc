//! Rust values as serde shows them, written as they come.

use crate::error::{Error, ErrorKind, Result};
use crate::opcode::Opcode;
use crate::place::Segment;
use crate::write::{BATCH_SIZE, DEFAULT_PROTOCOL, Name, Names, Output};
use ::serde::ser::{self, Serialize};
use num_bigint::BigInt;
use std::io;

/// How a variant that holds something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Variants {
    /// A dict of the variant's name and what it holds: `{'Circle': {'radius': 1.0}}`.
    #[default]
    Dict,
    /// A tuple of the variant's name and what it holds: `('Circle', {'radius': 1.0})`.
    Tuple,
}

/// How to write a pickle, in the style of a builder.
///
/// ```
/// use brinery::WriteOptions;
///
/// assert_eq!(WriteOptions::new().protocol(0).to_vec("hi").unwrap(), b"Vhi\np0\n.");
/// ```
#[derive(Clone, Debug)]
pub struct WriteOptions {
    protocol: u8,
    tuples: bool,
    variants: Variants,
    classes: Names<Class>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            protocol: DEFAULT_PROTOCOL,
            tuples: false,
            variants: Variants::default(),
            classes: Names::default(),
        }
    }
}

impl WriteOptions {
    /// The options that the functions of the crate use.
    ///
    /// ```
    /// assert_eq!(brinery::WriteOptions::new().to_vec(&()).unwrap(), b"\x80\x04N.");
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The protocol, 0 to 5: 4 unless told otherwise.
    ///
    /// ```
    /// assert_eq!(brinery::WriteOptions::new().protocol(2).to_vec(&true).unwrap(), b"\x80\x02\x88.");
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such protocol.
    #[must_use]
    pub fn protocol(mut self, protocol: u8) -> Self {
        assert!(protocol <= crate::read::HIGHEST_PROTOCOL, "there is no pickle protocol {protocol}");
        self.protocol = protocol;
        self
    }

    /// Whether a struct is written as a tuple of its fields instead of a dict.
    ///
    /// ```
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// struct Point { x: u8, y: u8 }
    ///
    /// let pickle = brinery::WriteOptions::new().structs_as_tuples(true).to_vec(&Point { x: 1, y: 2 }).unwrap();
    /// assert_eq!(brinery::Graph::from_slice(&pickle).unwrap().to_string(), "(1, 2)");
    /// ```
    #[must_use]
    pub fn structs_as_tuples(mut self, tuples: bool) -> Self {
        self.tuples = tuples;
        self
    }

    /// How variants that hold something are written.
    ///
    /// ```
    /// use brinery::{Graph, Variants, WriteOptions};
    ///
    /// let pickle = WriteOptions::new().variants(Variants::Tuple).to_vec(&Err::<(), u8>(5)).unwrap();
    /// assert_eq!(Graph::from_slice(&pickle).unwrap().to_string(), "('Err', 5)");
    /// ```
    #[must_use]
    pub fn variants(mut self, variants: Variants) -> Self {
        self.variants = variants;
        self
    }

    /// Writes a struct of this name as an instance of a Python class, whose attributes are the fields.
    ///
    /// The class is not called, as by `pickle` itself: it gets its attributes as a state. So a struct becomes an
    /// object of a plain class or a dataclass.
    ///
    /// ```
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// struct Point { x: u8, y: u8 }
    ///
    /// let options = brinery::WriteOptions::new().class("Point", "shapes", "Point");
    /// let pickle = options.to_vec(&Point { x: 1, y: 2 }).unwrap();
    /// assert_eq!(
    ///     brinery::Graph::from_slice(&pickle).unwrap().to_string(),
    ///     "shapes.Point().__setstate__({'x': 1, 'y': 2})",
    /// );
    /// ```
    #[must_use]
    pub fn class(mut self, name: &'static str, module: &'static str, class: &'static str) -> Self {
        self.classes.insert(Name::text(name), (module, class));
        self
    }

    /// Writes a value as a pickle.
    ///
    /// ```
    /// assert_eq!(brinery::WriteOptions::new().to_vec(&5u8).unwrap(), b"\x80\x04K\x05.");
    /// ```
    ///
    /// # Errors
    ///
    /// If the value refuses to be serialized.
    pub fn to_vec<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>> {
        let mut sink = Sink { output: Output::new(self.protocol, None), options: self, last: None };
        value.serialize(Serializer(&mut sink))?;
        sink.output.finish()
    }

    /// Writes a value as a pickle, frame by frame.
    ///
    /// ```
    /// let mut file = Vec::new();
    /// brinery::WriteOptions::new().protocol(1).to_writer(&mut file, &5u8).unwrap();
    /// assert_eq!(file, b"K\x05.");
    /// ```
    ///
    /// # Errors
    ///
    /// If the writer fails, or if the value refuses to be serialized.
    pub fn to_writer<T: Serialize + ?Sized>(&self, mut writer: impl io::Write, value: &T) -> Result<()> {
        let mut sink =
            Sink { output: Output::new(self.protocol, Some(&mut writer)), options: self, last: None };
        value.serialize(Serializer(&mut sink))?;
        sink.output.finish().map(drop)
    }
}

/// Where a value goes, and how.
struct Sink<'w> {
    output: Output<'w>,
    options: &'w WriteOptions,
    /// The struct that was written last, and its class.
    last: Option<(&'static str, Option<Class>)>,
}

impl Sink<'_> {
    /// The class that a struct is written as an instance of.
    #[inline(always)]
    fn class(&mut self, name: &'static str) -> Option<Class> {
        if self.options.classes.is_empty() {
            return None;
        }
        match self.last {
            Some((last, class)) if std::ptr::eq(last, name) => class,
            _ => self.other_class(name),
        }
    }

    #[inline(never)]
    fn other_class(&mut self, name: &'static str) -> Option<Class> {
        let class = self.options.classes.peek(Name::text(name));
        self.last = Some((name, class));
        class
    }
}

/// A class, by its module and name.
type Class = (&'static str, &'static str);

struct Serializer<'s, 'w>(&'s mut Sink<'w>);

impl<'s, 'w> Serializer<'s, 'w> {
    #[inline]
    fn text(self, text: &str) -> Result<()> {
        self.0.output.begin()?;
        self.0.output.memoized_text(text.as_bytes())
    }

    #[inline(always)]
    fn int(self, value: i64) -> Result<()> {
        self.0.output.begin()?;
        self.0.output.emitter().int(value);
        Ok(())
    }

    fn big_int(self, value: &BigInt) -> Result<()> {
        if let Ok(value) = i64::try_from(value) {
            return self.int(value);
        }
        self.0.output.begin()?;
        if self.0.output.protocol() >= 2 {
            self.0.output.emitter().long(&value.to_signed_bytes_le())?;
        } else {
            self.0.output.emitter().long_decimal(value.to_string().as_bytes());
        }
        Ok(())
    }

    #[inline]
    fn list(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.0.output.begin()?;
        self.0.output.new_list()?;
        Ok(Batches::new(self.0, len, Of::List))
    }

    #[inline]
    fn dict(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.0.output.begin()?;
        self.0.output.new_dict(false)?;
        Ok(Batches::new(self.0, len, Of::Dict))
    }

    /// What stands before the content of a variant.
    fn open_variant(&mut self, variant: &'static str) -> Result<()> {
        self.0.output.begin()?;
        match self.0.options.variants {
            Variants::Dict => {
                self.0.output.emitter().empty_dict();
                self.0.output.memoize()?;
            }
            Variants::Tuple => self.0.output.open_tuple(2),
        }
        self.0.output.known_text(variant)
    }

    #[inline]
    fn again(&mut self) -> Serializer<'_, 'w> {
        Serializer(self.0)
    }
}

/// What is written after a variant's content.
fn close_variant(sink: &mut Sink<'_>) -> Result<()> {
    match sink.options.variants {
        Variants::Dict => sink.output.op(Opcode::SetItem),
        Variants::Tuple => drop(sink.output.close_tuple(2)?),
    }
    Ok(())
}

/// The items of a list or dict, in batches with a mark, or alone without one.
pub(super) struct Batches<'s, 'w> {
    sink: &'s mut Sink<'w>,
    /// How many items the open batch still takes; none if no batch is open.
    room: u16,
    /// How many it takes in all, which is one for an item without a mark.
    size: u16,
    /// Whether one item is said to come.
    alone: bool,
    of: Of,
    /// How many items are in the batches before.
    before: usize,
}

/// What items are put into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    List,
    Dict,
}

impl Of {
    #[inline(always)]
    fn one(self) -> Opcode {
        if self == Of::List { Opcode::Append } else { Opcode::SetItem }
    }

    #[inline(always)]
    fn many(self) -> Opcode {
        if self == Of::List { Opcode::Appends } else { Opcode::SetItems }
    }
}

/// What is written after the items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Nothing,
    Variant,
    State,
}

impl End {
    #[inline(always)]
    fn write(self, sink: &mut Sink<'_>) -> Result<()> {
        match self {
            End::Nothing => Ok(()),
            End::Variant => close_variant(sink),
            End::State => {
                sink.output.op(Opcode::Build);
                Ok(())
            }
        }
    }
}

impl<'s, 'w> Batches<'s, 'w> {
    #[inline(always)]
    fn new(sink: &'s mut Sink<'w>, expected: Option<usize>, of: Of) -> Self {
        Batches { sink, room: 0, size: 0, alone: expected == Some(1), of, before: 0 }
    }

    /// How many items are written.
    #[inline(always)]
    fn count(&self) -> usize {
        self.before + usize::from(self.size - self.room)
    }

    #[inline(always)]
    fn open(&mut self) {
        if self.room == 0 {
            self.open_batch();
        }
    }

    #[inline]
    fn open_batch(&mut self) {
        self.before += usize::from(self.size);
        self.size = 1;
        // In protocol 0, or if it is the only one, an item needs no mark.
        if self.sink.output.protocol() > 0 && (self.before > 0 || !self.alone) {
            self.sink.output.op(Opcode::Mark);
            self.size = BATCH_SIZE as u16;
        }
        self.room = self.size;
    }

    #[inline(always)]
    fn close(&mut self) {
        self.room -= 1;
        if self.room == 0 {
            self.close_batch();
        }
    }

    #[inline]
    fn close_batch(&mut self) {
        self.sink.output.op(if self.size == 1 { self.of.one() } else { self.of.many() });
    }

    #[inline(always)]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Serializer(self.sink))
    }

    #[inline]
    fn finish(mut self) {
        if self.room > 0 {
            self.close_batch();
        } else if self.of == Of::Dict && self.count() >= BATCH_SIZE {
            self.empty_batch();
        }
    }

    /// As CPython does it, a dict of a multiple of 1000 entries has an empty batch at the end.
    #[cold]
    fn empty_batch(&mut self) {
        if self.sink.output.protocol() > 0 {
            self.sink.output.op(Opcode::Mark);
            self.sink.output.op(self.of.many());
        }
    }
}

impl ser::SerializeSeq for Batches<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.open();
        if let Err(error) = self.item(value) {
            return Err(in_item(error, self.count()));
        }
        self.close();
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeMap for Batches<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.open();
        self.item(key).map_err(|error| error.inside(|| Segment::KeyAt(self.count())))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        // The key has been written and is not known any more.
        self.item(value).map_err(|error| error.inside(|| Segment::Key(format!("<key {}>", self.count()))))?;
        self.close();
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

/// The fields of a struct, by name or by order.
pub(super) struct Fields<'s, 'w> {
    sink: &'s mut Sink<'w>,
    /// By name: how many fields the open batch still takes, which is none if none are said to come.
    room: u16,
    /// By name: whether there is a mark, without which fields are put into the dict one by one.
    marked: bool,
    /// By order: how many fields are said to come and have come.
    ordered: Option<(usize, usize)>,
    end: End,
}

impl<'s, 'w> Fields<'s, 'w> {
    #[inline(always)]
    fn named(sink: &'s mut Sink<'w>, len: usize, end: End) -> Result<Self> {
        let output = &mut sink.output;
        output.begin()?;
        let marked = len > 1 && output.protocol() > 0;
        output.new_dict(marked)?;
        let room = if marked { BATCH_SIZE as u16 } else { u16::from(len > 0) };
        Ok(Fields { sink, room, marked, ordered: None, end })
    }

    #[inline]
    fn ordered(sink: &'s mut Sink<'w>, len: usize, end: End) -> Result<Self> {
        open_items(sink, len)?;
        Ok(Fields { sink, room: 0, marked: false, ordered: Some((len, 0)), end })
    }

    /// After a field: ends what is full.
    #[inline(always)]
    fn close(&mut self) {
        if self.room > 1 {
            self.room -= 1;
        } else {
            self.close_full();
        }
    }

    #[inline(never)]
    fn close_full(&mut self) {
        if !self.marked {
            return self.sink.output.op(Opcode::SetItem);
        }
        // As CPython does it, a dict of a multiple of 1000 entries has an empty batch at the end.
        self.sink.output.op(Opcode::SetItems);
        self.sink.output.op(Opcode::Mark);
        self.room = BATCH_SIZE as u16;
    }
}

impl ser::SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        if let Some((_, count)) = &mut self.ordered {
            *count += 1;
            return value.serialize(Serializer(self.sink)).map_err(|error| in_field(error, name));
        }
        self.sink.output.known_text(name)?;
        if let Err(error) = value.serialize(Serializer(self.sink)) {
            return Err(in_field(error, name));
        }
        self.close();
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        let sink = self.sink;
        match self.ordered {
            None if self.marked => sink.output.op(Opcode::SetItems),
            None => {}
            Some((len, count)) => close_items(sink, len, count)?,
        }
        self.end.write(sink)
    }
}

#[cold]
fn in_field(error: Error, name: &'static str) -> Error {
    error.inside(|| Segment::Attribute(name.into()))
}

impl ser::SerializeStructVariant for Fields<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        ser::SerializeStruct::serialize_field(self, name, value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        ser::SerializeStruct::end(self)
    }
}

/// The items of a tuple.
pub(super) struct Tuple<'s, 'w> {
    sink: &'s mut Sink<'w>,
    len: usize,
    count: usize,
    end: End,
}

impl<'s, 'w> Tuple<'s, 'w> {
    #[inline]
    fn open(sink: &'s mut Sink<'w>, len: usize, end: End) -> Result<Self> {
        open_items(sink, len)?;
        Ok(Tuple { sink, len, count: 0, end })
    }

    #[inline]
    fn finish(self) -> Result<()> {
        close_items(self.sink, self.len, self.count)?;
        self.end.write(self.sink)
    }

    #[inline]
    fn indexed<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.count += 1;
        value.serialize(Serializer(self.sink)).map_err(|error| in_item(error, self.count - 1))
    }
}

#[cold]
fn in_item(error: Error, position: usize) -> Error {
    error.inside(|| Segment::Index(position))
}

/// What comes before the items of a tuple.
#[inline]
fn open_items(sink: &mut Sink<'_>, len: usize) -> Result<()> {
    sink.output.begin()?;
    if len > 0 {
        sink.output.open_tuple(len);
    }
    Ok(())
}

/// Makes a tuple of the items that have been written.
#[inline]
fn close_items(sink: &mut Sink<'_>, len: usize, count: usize) -> Result<()> {
    if count != len {
        let message = format!("a tuple of {count} items was said to have {len}");
        return Err(Error::new(ErrorKind::Data(message)));
    }
    if len == 0 {
        sink.output.emitter().empty_tuple();
    } else {
        sink.output.close_tuple(len)?;
    }
    Ok(())
}

macro_rules! tuples {
    ($($interface:ident $method:ident)*) => {
        $(
            impl ser::$interface for Tuple<'_, '_> {
                type Ok = ();
                type Error = Error;

                fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                    self.indexed(value)
                }

                #[inline]
                fn end(self) -> Result<()> {
                    self.finish()
                }
            }
        )*
    };
}

tuples! {
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! small_ints {
    ($($method:ident $int:ty)*) => {
        $(
            #[inline]
            fn $method(self, value: $int) -> Result<()> {
                self.int(value.into())
            }
        )*
    };
}

impl<'s, 'w> ser::Serializer for Serializer<'s, 'w> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Batches<'s, 'w>;
    type SerializeTuple = Tuple<'s, 'w>;
    type SerializeTupleStruct = Tuple<'s, 'w>;
    type SerializeTupleVariant = Tuple<'s, 'w>;
    type SerializeMap = Batches<'s, 'w>;
    type SerializeStruct = Fields<'s, 'w>;
    type SerializeStructVariant = Fields<'s, 'w>;

    small_ints! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<()> {
        self.0.output.begin()?;
        self.0.output.emitter().bool(value);
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.int(value),
            Err(_) => self.big_int(&value.into()),
        }
    }

    fn serialize_i128(self, value: i128) -> Result<()> {
        self.big_int(&value.into())
    }

    fn serialize_u128(self, value: u128) -> Result<()> {
        self.big_int(&value.into())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<()> {
        self.serialize_f64(value.into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<()> {
        self.0.output.begin()?;
        self.0.output.emitter().float(value);
        Ok(())
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<()> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        self.text(value)
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.0.output.begin()?;
        self.0.output.bytes(value).map(drop)
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<()> {
        self.0.output.begin()?;
        self.0.output.emitter().none();
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.0.output.known_text(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.open_variant(variant)?;
        value
            .serialize(self.again())
            .map_err(|error| error.inside(|| Segment::Key(format!("'{variant}'"))))?;
        close_variant(self.0)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.list(len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Tuple<'s, 'w>> {
        Tuple::open(self.0, len, End::Nothing)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Tuple<'s, 'w>> {
        Tuple::open(self.0, len, End::Nothing)
    }

    #[inline]
    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Tuple<'s, 'w>> {
        self.open_variant(variant)?;
        Tuple::open(self.0, len, End::Variant)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.dict(len)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields<'s, 'w>> {
        if let Some((module, class)) = self.0.class(name) {
            let output = &mut self.0.output;
            output.begin()?;
            if output.protocol() >= 2 {
                output.global(module, class)?;
                output.begin()?;
                output.emitter().empty_tuple();
                output.op(Opcode::NewObj);
            } else {
                output.global(output.copyreg(), "_reconstructor")?;
                output.op(Opcode::Mark);
                output.global(module, class)?;
                output.global(output.builtins(), "object")?;
                output.emitter().none();
                output.close_tuple(3)?;
                output.op(Opcode::Reduce);
            }
            output.memoize()?;
            return Fields::named(self.0, len, End::State);
        }
        if self.0.options.tuples {
            return Fields::ordered(self.0, len, End::Nothing);
        }
        Fields::named(self.0, len, End::Nothing)
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Fields<'s, 'w>> {
        self.open_variant(variant)?;
        if self.0.options.tuples {
            return Fields::ordered(self.0, len, End::Variant);
        }
        Fields::named(self.0, len, End::Variant)
    }
}
