//! What brinery knows of the memory layout of CPython's objects, to make and read the commonest ones itself.
//!
//! The modules here know the interpreters from 3.9 to 3.13, which `build.rs` calls `known_layout`. When the extension is
//! imported, [`Layout::new`] compares what they know with specimens of the running interpreter; without a `Layout` the
//! public API does all the work.

#![allow(clippy::cast_ptr_alignment, reason = "memory is cast to what it was laid out for")]
#![allow(clippy::trivially_copy_pass_by_ref, reason = "a `Heap` is more than its size tells")]
#![allow(clippy::unused_self, reason = "a `Layout` is the proof that a method may be called")]
#![allow(clippy::mut_from_ref, reason = "the objects that are changed are reached through pointers")]

pub(crate) mod collections;
pub(crate) mod int;
pub(crate) mod items;

#[cfg(known_layout)]
mod books;
#[cfg(known_layout)]
mod bytes;
#[cfg(known_layout)]
mod collected;
#[cfg(known_layout)]
mod decimal;
#[cfg(known_layout)]
mod derived;
#[cfg(known_layout)]
#[cfg_attr(not(Py_3_11), path = "dict_until_3_10.rs")]
mod dict;
#[cfg(known_layout)]
mod heap;
#[cfg(known_layout)]
mod instance;
#[cfg(known_layout)]
mod links;
#[cfg(known_layout)]
mod moment;
#[cfg(known_layout)]
mod number;
#[cfg(known_layout)]
mod range;
#[cfg(known_layout)]
mod set;
#[cfg(known_layout)]
mod slots;
#[cfg(known_layout)]
mod text;
#[cfg(known_layout)]
mod values;

#[cfg(known_layout)]
pub(crate) use self::{
    collected::Nursery,
    decimal::Decimals,
    derived::Derived,
    dict::Shapes,
    heap::Heap,
    instance::Plan,
    moment::Moment,
    range::Ranges,
    set::Elements,
    slots::slot_offset,
    values::{SharedKeys, Values, free_dict_slot, is_bare},
};
#[cfg(not(known_layout))]
mod unknown;
#[cfg(not(known_layout))]
pub(crate) use unknown::*;

#[cfg(known_layout)]
pub(crate) use known::Layout;

#[cfg(known_layout)]
mod known {
    use super::{books::Books, bytes, collections, dict, number::Ints, set, text::Texts, values};
    use crate::ffi::Result;

    /// The proof that the running interpreter's objects look as the modules here expect, and what they need to make some.
    #[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
    pub(crate) struct Layout {
        pub(super) ints: Ints,
        pub(super) texts: Texts,
        pub(super) books: Books,
        /// Whether attributes can be put into the arrays of instances.
        pub(crate) values: bool,
        /// What empty dicts are like, if tables of dicts can be made.
        pub(super) dicts: Option<dict::Empty>,
        /// Whether `bytes` can be made.
        pub(super) bytes: bool,
        /// Whether sets can be made and read.
        pub(super) sets: bool,
        /// Whether deques and ordered dicts can be walked over.
        collections: bool,
    }

    impl Layout {
        /// Compares specimens; `None` where one differs.
        pub(crate) fn new() -> Result<Option<Self>> {
            let (Some(ints), Some(texts), Some(books)) = (Ints::new()?, Texts::new()?, Books::new()?) else {
                return Ok(None);
            };
            let values = values::are_known()?;
            let collections = collections::are_known()?;
            let mut layout =
                Layout { ints, texts, books, values, dicts: None, bytes: false, sets: false, collections };
            layout.dicts = dict::Empty::new(&layout)?;
            layout.bytes = bytes::are_known(&layout);
            layout.sets = set::are_known(&layout)?;
            Ok(Some(layout))
        }

        /// Whether [`collections`] may be used.
        pub(crate) fn knows_collections(&self) -> bool {
            self.collections
        }
    }
}
