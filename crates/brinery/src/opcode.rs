//! The opcode table: every opcode of pickle protocols 0 to 5, described once.
//!
//! The decoder, the machine, the disassembler, the optimizer and the reference page all read this table; nothing
//! else in the project knows an opcode byte.
//!
//! ```
//! use brinery::Opcode;
//!
//! let info = Opcode::from_byte(b'J').unwrap().info();
//! assert_eq!((info.name, info.protocol), ("BININT", 1));
//! ```

/// How an opcode's argument is laid out after the opcode byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgumentKind {
    /// No argument.
    None,
    /// One unsigned byte.
    UInt1,
    /// Two bytes, unsigned, little-endian.
    UInt2,
    /// Four bytes, signed, little-endian.
    Int4,
    /// Four bytes, unsigned, little-endian.
    UInt4,
    /// Eight bytes, unsigned, little-endian.
    UInt8,
    /// Eight bytes, IEEE 754 double, big-endian.
    Float8,
    /// A decimal number and a newline.
    DecimalLine,
    /// A decimal number, usually with a trailing `L`, and a newline.
    LongLine,
    /// The `repr` of a float and a newline.
    FloatLine,
    /// A quoted, escaped Python 2 string and a newline.
    QuotedLine,
    /// A bare line.
    Line,
    /// Two bare lines: a module and a name.
    LinePair,
    /// A line in the raw-unicode-escape encoding.
    UnicodeLine,
    /// A little-endian two's-complement integer after a 1-byte length.
    Long1,
    /// A little-endian two's-complement integer after a signed 4-byte length.
    Long4,
    /// A Python 2 string after a 1-byte length.
    String1,
    /// A Python 2 string after a 4-byte length.
    String4,
    /// Bytes after a 1-byte length.
    Bytes1,
    /// Bytes after a 4-byte length.
    Bytes4,
    /// Bytes after an 8-byte length.
    Bytes8,
    /// A bytearray's bytes after an 8-byte length.
    ByteArray8,
    /// UTF-8 text after a 1-byte length.
    Unicode1,
    /// UTF-8 text after a 4-byte length.
    Unicode4,
    /// UTF-8 text after an 8-byte length.
    Unicode8,
}

impl ArgumentKind {
    /// The argument's name in the field's standard vocabulary, as `pickletools` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::UInt1 => "uint1",
            Self::UInt2 => "uint2",
            Self::Int4 => "int4",
            Self::UInt4 => "uint4",
            Self::UInt8 => "uint8",
            Self::Float8 => "float8",
            Self::DecimalLine => "decimalnl_short",
            Self::LongLine => "decimalnl_long",
            Self::FloatLine => "floatnl",
            Self::QuotedLine => "stringnl",
            Self::Line => "stringnl_noescape",
            Self::LinePair => "stringnl_noescape_pair",
            Self::UnicodeLine => "unicodestringnl",
            Self::Long1 => "long1",
            Self::Long4 => "long4",
            Self::String1 => "string1",
            Self::String4 => "string4",
            Self::Bytes1 => "bytes1",
            Self::Bytes4 => "bytes4",
            Self::Bytes8 => "bytes8",
            Self::ByteArray8 => "bytearray8",
            Self::Unicode1 => "unicodestring1",
            Self::Unicode4 => "unicodestring4",
            Self::Unicode8 => "unicodestring8",
        }
    }
}

/// What an opcode takes from the stack or leaves on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StackItem {
    /// An integer.
    Int,
    /// An integer, or a bool in the spelling of protocols 0 and 1.
    IntOrBool,
    /// `True` or `False`.
    Bool,
    /// A float.
    Float,
    /// A Python 2 string: `bytes` or `str` by the reader's choice of encoding.
    BytesOrStr,
    /// A `bytes` object.
    Bytes,
    /// A `bytearray` object.
    ByteArray,
    /// A `str` object.
    Str,
    /// `None`.
    None,
    /// A tuple.
    Tuple,
    /// A list.
    List,
    /// A dict.
    Dict,
    /// A set.
    Set,
    /// A frozenset.
    FrozenSet,
    /// An out-of-band buffer.
    Buffer,
    /// Any object.
    Any,
    /// A mark.
    Mark,
    /// All objects above the topmost mark.
    StackSlice,
}

impl StackItem {
    /// The item's name in the field's standard vocabulary, as `pickletools` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::IntOrBool => "int_or_bool",
            Self::Bool => "bool",
            Self::Float => "float",
            Self::BytesOrStr => "bytes_or_str",
            Self::Bytes => "bytes",
            Self::ByteArray => "bytearray",
            Self::Str => "str",
            Self::None => "None",
            Self::Tuple => "tuple",
            Self::List => "list",
            Self::Dict => "dict",
            Self::Set => "set",
            Self::FrozenSet => "frozenset",
            Self::Buffer => "buffer",
            Self::Any => "any",
            Self::Mark => "mark",
            Self::StackSlice => "stackslice",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct OpcodeInfo {
    /// The opcode itself.
    pub opcode: Opcode,
    /// Its name, as in CPython's sources.
    pub name: &'static str,
    /// How its argument is laid out.
    pub argument: ArgumentKind,
    /// What it takes from the stack, deepest first.
    pub before: &'static [StackItem],
    /// What it leaves on the stack, deepest first.
    pub after: &'static [StackItem],
    /// The protocol that introduced it.
    pub protocol: u8,
    /// One line of meaning.
    pub doc: &'static str,
}

macro_rules! opcodes {
    ($( $variant:ident $name:ident $byte:literal $argument:ident [$($before:ident)*] [$($after:ident)*] $protocol:literal $doc:literal; )*) => {
        /// A pickle opcode.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Opcode {
            $( #[doc = $doc] $variant = $byte, )*
        }

        /// Names for patterns over raw bytes, such as the machine's dispatch.
        pub(crate) mod byte {
            $( pub(crate) const $name: u8 = $byte; )*
        }

        impl Opcode {
            /// Every opcode, in the table's order.
            pub const ALL: &'static [Opcode] = &[ $( Opcode::$variant, )* ];

            /// The opcode with this byte.
            pub const fn from_byte(byte: u8) -> Option<Opcode> {
                match byte {
                    $( $byte => Some(Opcode::$variant), )*
                    _ => None,
                }
            }

            /// The opcode's row in the table.
            pub const fn info(self) -> &'static OpcodeInfo {
                match self {
                    $( Opcode::$variant => &OpcodeInfo {
                        opcode: Opcode::$variant,
                        name: stringify!($name),
                        argument: ArgumentKind::$argument,
                        before: &[ $( StackItem::$before, )* ],
                        after: &[ $( StackItem::$after, )* ],
                        protocol: $protocol,
                        doc: $doc,
                    }, )*
                }
            }
        }
    };
}

opcodes! {
    // Integers
    Int             INT              b'I'  DecimalLine [] [IntOrBool] 0 "Push an integer written in text; `00` and `01` are the bools of protocols 0 and 1.";
    BinInt          BININT           b'J'  Int4        [] [Int]       1 "Push a signed four-byte integer.";
    BinInt1         BININT1          b'K'  UInt1       [] [Int]       1 "Push an unsigned one-byte integer.";
    BinInt2         BININT2          b'M'  UInt2       [] [Int]       1 "Push an unsigned two-byte integer.";
    Long            LONG             b'L'  LongLine    [] [Int]       0 "Push an integer of any size written in text.";
    Long1           LONG1            0x8a  Long1       [] [Int]       2 "Push an integer of up to 255 bytes.";
    Long4           LONG4            0x8b  Long4       [] [Int]       2 "Push an integer of up to 2 GiB.";
    // Strings of Python 2
    String          STRING           b'S'  QuotedLine  [] [BytesOrStr] 0 "Push a Python 2 string written as a quoted literal.";
    BinString       BINSTRING        b'T'  String4     [] [BytesOrStr] 1 "Push a Python 2 string.";
    ShortBinString  SHORT_BINSTRING  b'U'  String1     [] [BytesOrStr] 1 "Push a Python 2 string shorter than 256 bytes.";
    // Bytes
    BinBytes        BINBYTES         b'B'  Bytes4      [] [Bytes]     3 "Push a bytes object.";
    ShortBinBytes   SHORT_BINBYTES   b'C'  Bytes1      [] [Bytes]     3 "Push a bytes object shorter than 256 bytes.";
    BinBytes8       BINBYTES8        0x8e  Bytes8      [] [Bytes]     4 "Push a bytes object that may exceed 4 GiB.";
    ByteArray8      BYTEARRAY8       0x96  ByteArray8  [] [ByteArray] 5 "Push a bytearray object.";
    // Out-of-band buffers
    NextBuffer      NEXT_BUFFER      0x97  None        [] [Buffer]    5 "Push the next out-of-band buffer.";
    ReadonlyBuffer  READONLY_BUFFER  0x98  None        [Buffer] [Buffer] 5 "Make the buffer on top of the stack read-only.";
    // Singletons
    None            NONE             b'N'  None        [] [None]      0 "Push None.";
    NewTrue         NEWTRUE          0x88  None        [] [Bool]      2 "Push True.";
    NewFalse        NEWFALSE         0x89  None        [] [Bool]      2 "Push False.";
    // Text
    Unicode         UNICODE          b'V'  UnicodeLine [] [Str]       0 "Push text written in raw-unicode-escape.";
    ShortBinUnicode SHORT_BINUNICODE 0x8c  Unicode1    [] [Str]       4 "Push text shorter than 256 UTF-8 bytes.";
    BinUnicode      BINUNICODE       b'X'  Unicode4    [] [Str]       1 "Push text.";
    BinUnicode8     BINUNICODE8      0x8d  Unicode8    [] [Str]       4 "Push text that may exceed 4 GiB of UTF-8.";
    // Floats
    Float           FLOAT            b'F'  FloatLine   [] [Float]     0 "Push a float written in text.";
    BinFloat        BINFLOAT         b'G'  Float8      [] [Float]     1 "Push a float.";
    // Lists
    EmptyList       EMPTY_LIST       b']'  None        [] [List]      1 "Push an empty list.";
    Append          APPEND           b'a'  None        [List Any] [List] 0 "Append the top object to the list below it.";
    Appends         APPENDS          b'e'  None        [List Mark StackSlice] [List] 1 "Extend the list below the mark with all objects above it.";
    List            LIST             b'l'  None        [Mark StackSlice] [List] 0 "Make a list of all objects above the mark.";
    // Tuples
    EmptyTuple      EMPTY_TUPLE      b')'  None        [] [Tuple]     1 "Push an empty tuple.";
    Tuple           TUPLE            b't'  None        [Mark StackSlice] [Tuple] 0 "Make a tuple of all objects above the mark.";
    Tuple1          TUPLE1           0x85  None        [Any] [Tuple]  2 "Make a tuple of the top object.";
    Tuple2          TUPLE2           0x86  None        [Any Any] [Tuple] 2 "Make a tuple of the two top objects.";
    Tuple3          TUPLE3           0x87  None        [Any Any Any] [Tuple] 2 "Make a tuple of the three top objects.";
    // Dicts
    EmptyDict       EMPTY_DICT       b'}'  None        [] [Dict]      1 "Push an empty dict.";
    Dict            DICT             b'd'  None        [Mark StackSlice] [Dict] 0 "Make a dict of the keys and values above the mark.";
    SetItem         SETITEM          b's'  None        [Dict Any Any] [Dict] 0 "Set one key and value in the dict below them.";
    SetItems        SETITEMS         b'u'  None        [Dict Mark StackSlice] [Dict] 1 "Set the keys and values above the mark in the dict below it.";
    // Sets
    EmptySet        EMPTY_SET        0x8f  None        [] [Set]       4 "Push an empty set.";
    AddItems        ADDITEMS         0x90  None        [Set Mark StackSlice] [Set] 4 "Add all objects above the mark to the set below it.";
    FrozenSet       FROZENSET        0x91  None        [Mark StackSlice] [FrozenSet] 4 "Make a frozenset of all objects above the mark.";
    // The stack itself
    Pop             POP              b'0'  None        [Any] []       0 "Discard the top object, or the topmost mark.";
    Dup             DUP              b'2'  None        [Any] [Any Any] 0 "Push the top object once more.";
    Mark            MARK             b'('  None        [] [Mark]      0 "Push a mark.";
    PopMark         POP_MARK         b'1'  None        [Mark StackSlice] [] 1 "Discard the topmost mark and everything above it.";
    // The memo
    Get             GET              b'g'  DecimalLine [] [Any]       0 "Push a memo entry; the index is written in text.";
    BinGet          BINGET           b'h'  UInt1       [] [Any]       1 "Push a memo entry; the index is one byte.";
    LongBinGet      LONG_BINGET      b'j'  UInt4       [] [Any]       1 "Push a memo entry; the index is four bytes.";
    Put             PUT              b'p'  DecimalLine [] []          0 "Store the top object in the memo; the index is written in text.";
    BinPut          BINPUT           b'q'  UInt1       [] []          1 "Store the top object in the memo; the index is one byte.";
    LongBinPut      LONG_BINPUT      b'r'  UInt4       [] []          1 "Store the top object in the memo; the index is four bytes.";
    Memoize         MEMOIZE          0x94  None        [Any] [Any]    4 "Store the top object in the memo at the next index.";
    // Globals
    Ext1            EXT1             0x82  UInt1       [] [Any]       2 "Push the global with this one-byte extension code.";
    Ext2            EXT2             0x83  UInt2       [] [Any]       2 "Push the global with this two-byte extension code.";
    Ext4            EXT4             0x84  Int4        [] [Any]       2 "Push the global with this four-byte extension code.";
    Global          GLOBAL           b'c'  LinePair    [] [Any]       0 "Push the global with this module and name.";
    StackGlobal     STACK_GLOBAL     0x93  None        [Str Str] [Any] 4 "Push the global whose module and name are on the stack.";
    // Objects
    Reduce          REDUCE           b'R'  None        [Any Any] [Any] 0 "Call a callable with a tuple of arguments.";
    Build           BUILD            b'b'  None        [Any Any] [Any] 0 "Give an object its state.";
    Inst            INST             b'i'  LinePair    [Mark StackSlice] [Any] 0 "Make an instance of the named class from the arguments above the mark.";
    Obj             OBJ              b'o'  None        [Mark Any StackSlice] [Any] 1 "Make an instance of the class above the mark from the arguments after it.";
    NewObj          NEWOBJ           0x81  None        [Any Any] [Any] 2 "Make an instance by `cls.__new__(cls, *args)`.";
    NewObjEx        NEWOBJ_EX        0x92  None        [Any Any Any] [Any] 4 "Make an instance by `cls.__new__(cls, *args, **kwargs)`.";
    // The stream
    Proto           PROTO            0x80  UInt1       [] []          2 "Declare the protocol of the stream.";
    Stop            STOP             b'.'  None        [Any] []       0 "End the stream; the top object is the result.";
    Frame           FRAME            0x95  UInt8       [] []          4 "Declare that this many bytes follow in one piece.";
    // Persistent ids
    PersId          PERSID           b'P'  Line        [] [Any]       0 "Push the object with this persistent id, written in text.";
    BinPersId       BINPERSID        b'Q'  None        [Any] [Any]    1 "Push the object whose persistent id is on the stack.";
}

impl Opcode {
    /// The opcode's byte.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The opcode's name, as in CPython's sources.
    pub const fn name(self) -> &'static str {
        self.info().name
    }
}

impl std::fmt::Display for Opcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_opcode_once() {
        assert_eq!(Opcode::ALL.len(), 68);
        let mut bytes: Vec<u8> = Opcode::ALL.iter().map(|op| op.byte()).collect();
        bytes.sort_unstable();
        bytes.dedup();
        assert_eq!(bytes.len(), 68);
        for &op in Opcode::ALL {
            assert_eq!(Opcode::from_byte(op.byte()), Some(op));
            assert_eq!(op.info().opcode, op);
        }
        assert_eq!((0..=255).filter(|&b| Opcode::from_byte(b).is_some()).count(), 68);
    }
}
