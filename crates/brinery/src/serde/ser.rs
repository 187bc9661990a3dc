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
    classes: Names<(&'static str, &'static str)>,
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
        let mut output = Output::new(self.protocol, None);
        value.serialize(Serializer { output: &mut output, options: self })?;
        output.finish()
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
        let mut output = Output::new(self.protocol, Some(&mut writer));
        value.serialize(Serializer { output: &mut output, options: self })?;
        output.finish().map(drop)
    }
}

struct Serializer<'s, 'w> {
    output: &'s mut Output<'w>,
    options: &'s WriteOptions,
}

impl<'s, 'w> Serializer<'s, 'w> {
    #[inline]
    fn text(self, text: &str) -> Result<()> {
        self.output.begin()?;
        self.output.memoized_text(text.as_bytes())
    }

    #[inline]
    fn int(self, value: i64) -> Result<()> {
        self.output.begin()?;
        self.output.emitter().int(value);
        Ok(())
    }

    fn big_int(self, value: &BigInt) -> Result<()> {
        if let Ok(value) = i64::try_from(value) {
            return self.int(value);
        }
        self.output.begin()?;
        if self.output.protocol() >= 2 {
            self.output.emitter().long(&value.to_signed_bytes_le())?;
        } else {
            self.output.emitter().long_decimal(value.to_string().as_bytes());
        }
        Ok(())
    }

    #[inline]
    fn list(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.output.begin()?;
        self.output.emitter().empty_list();
        self.output.memoize()?;
        Ok(Batches::new(self, len, Of::List))
    }

    #[inline]
    fn dict(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.output.begin()?;
        self.output.emitter().empty_dict();
        self.output.memoize()?;
        Ok(Batches::new(self, len, Of::Dict))
    }

    /// What stands before the content of a variant.
    fn open_variant(&mut self, variant: &'static str) -> Result<()> {
        self.output.begin()?;
        match self.options.variants {
            Variants::Dict => {
                self.output.emitter().empty_dict();
                self.output.memoize()?;
            }
            Variants::Tuple => self.output.open_tuple(2),
        }
        self.output.known_text(variant)
    }

    #[inline]
    fn again(&mut self) -> Serializer<'_, 'w> {
        Serializer { output: self.output, options: self.options }
    }
}

/// What is written after a variant's content.
fn close_variant(output: &mut Output<'_>, variants: Variants) -> Result<()> {
    match variants {
        Variants::Dict => output.op(Opcode::SetItem),
        Variants::Tuple => drop(output.close_tuple(2)?),
    }
    Ok(())
}

/// The items of a list or dict, in batches with a mark, or alone without one.
pub(super) struct Batches<'s, 'w> {
    serializer: Serializer<'s, 'w>,
    count: usize,
    /// How many more items the open batch can take; none if no batch is open.
    room: u16,
    /// Whether one item is said to come.
    alone: bool,
    of: Of,
    end: End,
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

impl<'s, 'w> Batches<'s, 'w> {
    #[inline(always)]
    fn new(serializer: Serializer<'s, 'w>, expected: Option<usize>, of: Of) -> Self {
        Batches { serializer, count: 0, room: 0, alone: expected == Some(1), of, end: End::Nothing }
    }

    #[inline(always)]
    fn open(&mut self) {
        if self.room == 0 {
            self.open_batch();
        }
    }

    #[inline]
    fn open_batch(&mut self) {
        let output = &mut *self.serializer.output;
        // In protocol 0, or if it is the only one, an item needs no mark.
        if output.protocol() > 0 && (self.count > 0 || !self.alone) {
            output.op(Opcode::Mark);
            self.room = BATCH_SIZE as u16;
        }
    }

    #[inline(always)]
    fn close(&mut self) {
        self.count += 1;
        if self.room == 0 {
            return self.serializer.output.op(self.of.one());
        }
        self.room -= 1;
        if self.room == 0 {
            self.serializer.output.op(self.of.many());
        }
    }

    #[inline(always)]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(self.serializer.again())
    }

    #[inline]
    fn finish(mut self) -> Result<()> {
        // As CPython does it, a dict of a multiple of 1000 entries has an empty batch at the end.
        if self.of == Of::Dict && self.count >= BATCH_SIZE {
            self.open();
        }
        let Serializer { output, options } = self.serializer;
        if self.room > 0 {
            output.op(self.of.many());
        }
        match self.end {
            End::Nothing => Ok(()),
            End::Variant => close_variant(output, options.variants),
            End::State => {
                output.op(Opcode::Build);
                Ok(())
            }
        }
    }
}

impl ser::SerializeSeq for Batches<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.open();
        let position = self.count;
        self.item(value).map_err(|error| error.inside(|| Segment::Index(position)))?;
        self.close();
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl ser::SerializeMap for Batches<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.open();
        let position = self.count;
        self.item(key).map_err(|error| error.inside(|| Segment::KeyAt(position)))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let position = self.count;
        // The key has been written and is not known any more.
        self.item(value).map_err(|error| error.inside(|| Segment::Key(format!("<key {position}>"))))?;
        self.close();
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl Batches<'_, '_> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.open();
        self.serializer.output.known_text(name)?;
        self.item(value).map_err(|error| error.inside(|| Segment::Attribute(name.into())))?;
        self.close();
        Ok(())
    }
}

/// A struct, by name or by order.
pub(super) enum Fields<'s, 'w> {
    Named(Batches<'s, 'w>),
    Ordered(Tuple<'s, 'w>),
}

impl ser::SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        match self {
            Fields::Named(fields) => fields.field(name, value),
            Fields::Ordered(fields) => {
                fields.item(value).map_err(|error| error.inside(|| Segment::Attribute(name.into())))
            }
        }
    }

    #[inline]
    fn end(self) -> Result<()> {
        match self {
            Fields::Named(fields) => fields.finish(),
            Fields::Ordered(fields) => fields.finish(),
        }
    }
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
    serializer: Serializer<'s, 'w>,
    len: usize,
    count: usize,
    end: End,
}

impl<'s, 'w> Tuple<'s, 'w> {
    #[inline]
    fn open(serializer: Serializer<'s, 'w>, len: usize, end: End) -> Result<Self> {
        serializer.output.begin()?;
        if len > 0 {
            serializer.output.open_tuple(len);
        }
        Ok(Tuple { serializer, len, count: 0, end })
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.count += 1;
        value.serialize(self.serializer.again())
    }

    #[inline]
    fn finish(self) -> Result<()> {
        let Serializer { output, options } = self.serializer;
        if self.count != self.len {
            let message = format!("a tuple of {} items was said to have {}", self.count, self.len);
            return Err(Error::new(ErrorKind::Data(message)));
        }
        if self.len == 0 {
            output.emitter().empty_tuple();
        } else {
            output.close_tuple(self.len)?;
        }
        if self.end == End::Variant { close_variant(output, options.variants) } else { Ok(()) }
    }

    #[inline]
    fn indexed<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let position = self.count;
        self.item(value).map_err(|error| error.inside(|| Segment::Index(position)))
    }
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
        self.output.begin()?;
        self.output.emitter().bool(value);
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
        self.output.begin()?;
        self.output.emitter().float(value);
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
        self.output.begin()?;
        self.output.bytes(value).map(drop)
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
        self.output.begin()?;
        self.output.emitter().none();
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.output.known_text(variant)
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
        close_variant(self.output, self.options.variants)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.list(len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Tuple<'s, 'w>> {
        Tuple::open(self, len, End::Nothing)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Tuple<'s, 'w>> {
        Tuple::open(self, len, End::Nothing)
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
        Tuple::open(self, len, End::Variant)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Batches<'s, 'w>> {
        self.dict(len)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields<'s, 'w>> {
        if let Some((module, class)) = self.options.classes.peek(Name::text(name)) {
            let output = &mut *self.output;
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
            let mut state = self.dict(Some(len))?;
            state.end = End::State;
            return Ok(Fields::Named(state));
        }
        if self.options.tuples {
            return Tuple::open(self, len, End::Nothing).map(Fields::Ordered);
        }
        self.dict(Some(len)).map(Fields::Named)
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
        if self.options.tuples {
            return Tuple::open(self, len, End::Variant).map(Fields::Ordered);
        }
        let mut content = self.dict(Some(len))?;
        content.end = End::Variant;
        Ok(Fields::Named(content))
    }
}
