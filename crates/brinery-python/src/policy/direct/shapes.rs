//! Whether objects are what they may be.

use super::objects::{has_length, is_global};
use super::{Direct, Role};
use crate::ffi::api::*;
use crate::ffi::layout::{self, int};
use crate::ffi::{Owned, Ref, sequence, tuple};
use crate::load::Nature;
use crate::policy::forms::{Arguments, Form};
use crate::policy::rules::{Judged, plain_text};
use brinery::policy::Shape;
impl<'a> Direct<'a> {
    /// Whether arguments are as they may be. What a call may copy of them is paid for: the same argument can be given to many
    /// calls.
    #[inline(always)]
    pub(super) fn takes(&mut self, alternatives: &[Arguments<'a>], args: &[Ref<'_>]) -> bool {
        self.way_of(alternatives, args).is_some()
    }

    /// The same, and by which alternative.
    #[inline(always)]
    pub(super) fn way_of(&mut self, alternatives: &[Arguments<'a>], args: &[Ref<'_>]) -> Option<usize> {
        let left = self.work.get().checked_sub(1 + args.len() as u64)?;
        self.work.set(left);
        for (way, arguments) in alternatives.iter().enumerate() {
            let paid = match arguments {
                Arguments::Any if self.are_free(args.iter().copied()) => self.pay_for_any(args),
                Arguments::Each(form) if args.iter().all(|argument| self.has_form(form, *argument)) => {
                    self.pay_for_any(args)
                }
                Arguments::These(these) if self.have_forms(&these.forms, args) => {
                    if !these.fragile.is_empty() {
                        let fragile = these.fragile.iter().map(|&(at, shape)| (args[at].to_owned(), shape));
                        self.obligations.extend(fragile);
                    }
                    self.pay_for_copies(args, these)
                }
                _ => continue,
            };
            return paid.then_some(way);
        }
        None
    }

    /// Whether there are as many objects as forms, and each has its own.
    #[inline(always)]
    pub(super) fn have_forms(&self, forms: &[Form<'_>], objects: &[Ref<'_>]) -> bool {
        if forms.len() != objects.len() {
            return false;
        }
        for (form, object) in forms.iter().zip(objects) {
            if !self.has_form(form, *object) {
                return false;
            }
        }
        true
    }

    /// Whether an object certainly has a form.
    #[inline(always)]
    pub(super) fn has_form(&self, form: &Form<'_>, object: Ref<'_>) -> bool {
        match form {
            Form::Any => self.is_free(object),
            Form::None => object.is_none(),
            Form::Exactly(kind) => object.is_exactly(*kind),
            Form::Bytes(low, high) => has_length(object, *low, *high),
            Form::Int(low, high) => int::exact(object).is_some_and(|value| *low <= value && value <= *high),
            Form::Empty => tuple::is_empty(object),
            Form::Text(shape) => object.is_exactly(&raw mut PyUnicode_Type) && self.fits(shape, object),
            form => self.has_made_form(form, object),
        }
    }

    /// The same for a form of what a stream may have made.
    #[inline(never)]
    pub(super) fn has_made_form(&self, form: &Form<'_>, object: Ref<'_>) -> bool {
        match form {
            Form::Made(keys) => self.is_made(object, |judged| keys.contains(&judged.key)),
            Form::Global(keys) => {
                is_global(object) && self.is_the_global(object, |judged| keys.contains(&judged.key))
            }
            Form::Either(forms) => forms.iter().any(|form| self.has_form(form, object)),
            Form::Other(shape) => self.fits(shape, object),
            form => self.has_form(form, object),
        }
    }

    /// Whether an object is a global that is wanted, and may be within whatever objects there are.
    fn is_the_global(&self, object: Ref<'_>, wanted: impl Fn(&Judged<'a>) -> bool) -> bool {
        self.find(object.as_ptr()).is_some_and(|index| {
            let judged = self.globals[index].judged;
            judged.capability.within.is_none() && wanted(judged)
        })
    }

    /// Whether an object was made by a global that is one of those wanted, whichever it was.
    #[inline]
    pub(super) fn is_made(&self, object: Ref<'_>, wanted: impl Fn(&Judged<'a>) -> bool) -> bool {
        if self.is_other(object) {
            return false;
        }
        let class = object.type_ptr().cast();
        if let Some(known) = self.globals.iter().find(|known| known.object.as_ptr() == class) {
            // What an opcode can make as well, and what nothing can.
            let either = matches!(known.role, Role::Class(Some(Nature::Set | Nature::ByteArray)));
            if self.asks_for_members && !known.object.is_exactly(&raw mut PyType_Type) {
                return false;
            }
            if !either && (known.role != Role::Class(None) || known.judged.capability.inert) {
                return wanted(known.judged);
            }
        }
        let mut makers = self
            .globals
            .iter()
            .filter(|known| known.product.is_some_and(|product| product.has(object)))
            .peekable();
        makers.peek().is_some() && makers.all(|known| wanted(known.judged))
    }

    /// Whether there are as many objects as shapes, and each has its own.
    pub(super) fn in_order(&self, shapes: &[Shape], objects: &[Ref<'_>]) -> bool {
        shapes.len() == objects.len()
            && shapes.iter().zip(objects).all(|(shape, object)| self.fits(shape, *object))
    }

    /// Whether an object certainly has a shape.
    #[inline]
    pub(super) fn fits(&self, shape: &Shape, object: Ref<'_>) -> bool {
        let exactly = |kind: *mut PyTypeObject| object.is_exactly(kind);
        match self.work.get().checked_sub(1) {
            Some(left) => self.work.set(left),
            None => return false,
        }
        match shape {
            Shape::Any => self.is_free(object),
            Shape::None => object.is_none(),
            Shape::Bool(None) => exactly(&raw mut PyBool_Type),
            Shape::Bool(Some(wanted)) => {
                exactly(&raw mut PyBool_Type) && object.is_true().is_ok_and(|value| value == *wanted)
            }
            Shape::Int(None, None) => exactly(&raw mut PyLong_Type),
            Shape::Int(low, high) => int::exact(object)
                .is_some_and(|int| low.is_none_or(|low| low <= int) && high.is_none_or(|high| int <= high)),
            Shape::Float => exactly(&raw mut PyFloat_Type),
            Shape::Text(0, usize::MAX) => exactly(&raw mut PyUnicode_Type),
            Shape::Text(low, high) => {
                plain_text(object).is_some_and(|text| (*low..=*high).contains(&text.chars().count()))
            }
            Shape::Literal(wanted) => plain_text(object).is_some_and(|text| text == wanted),
            Shape::Form(form) => plain_text(object).is_some_and(|text| form.holds(text)),
            Shape::Bytes(low, high) => has_length(object, *low, *high),
            Shape::ByteArray => exactly(&raw mut PyByteArray_Type) && !self.calls_builtins,
            Shape::List(item) => exactly(&raw mut PyList_Type) && self.each(item, object),
            Shape::Items(item) => exactly(&raw mut PyTuple_Type) && self.each(item, object),
            Shape::Tuple(items) => {
                // SAFETY: it is a tuple.
                exactly(&raw mut PyTuple_Type)
                    && self.in_order(items, unsafe { sequence::items_of_tuple(object) })
            }
            Shape::Set(item) => exactly(&raw mut PySet_Type) && **item == Shape::Any,
            Shape::FrozenSet(item) => exactly(&raw mut PyFrozenSet_Type) && **item == Shape::Any,
            Shape::Dict(key, value) => {
                exactly(&raw mut PyDict_Type)
                    && ((&**key, &**value) == (&Shape::Any, &Shape::Any) || self.pairs(key, value, object))
            }
            Shape::Made(module, name) => self.is_made(object, |judged| judged.is_called(module, name)),
            Shape::Global(module, name) => {
                object.is_type() && self.is_the_global(object, |judged| judged.is_called(module, name))
            }
            Shape::Union(shapes) => shapes.iter().any(|shape| self.fits(shape, object)),
            _ => false,
        }
    }

    /// Whether all items of a list or a tuple have a shape.
    pub(super) fn each(&self, shape: &Shape, object: Ref<'_>) -> bool {
        if *shape == Shape::Any {
            return self.is_free(object);
        }
        // SAFETY: it is one of the two, which holds its items and does not change meanwhile.
        unsafe { sequence::items(object).iter().all(|item| self.fits(shape, Ref::new(*item))) }
    }

    /// Whether all keys and values of a dict have their shapes.
    pub(super) fn pairs(&self, keys: &Shape, values: &Shape, dict: Ref<'_>) -> bool {
        let mut position = 0;
        while let Some((key, value)) = layout::items::next(dict, &mut position) {
            if !self.fits(keys, key) || !self.fits(values, value) {
                return false;
            }
        }
        true
    }
}

/// Whether all states are of a shape that an array takes with a dtype that has been in one before.
pub(super) fn has_all_arrays(shape: &Shape) -> bool {
    let Shape::Tuple(parts) = shape else { return false };
    let [version, lengths, _, fortran, data] = parts.as_slice() else { return false };
    let has = |shape: &Shape, wanted: &dyn Fn(&Shape) -> bool| match shape {
        Shape::Union(shapes) => shapes.iter().any(wanted),
        shape => wanted(shape),
    };
    let ints = |least: i64, most: i64| {
        move |shape: &Shape| match shape {
            Shape::Int(low, high) => {
                low.is_none_or(|low| low <= least) && high.is_none_or(|high| most <= high)
            }
            _ => false,
        }
    };
    has(version, &ints(1, 1))
        && matches!(lengths, Shape::Items(length) if has(length, &ints(0, i64::MAX)))
        && has(fortran, &|shape| *shape == Shape::Bool(None))
        && has(fortran, &ints(0, 1))
        && has(data, &|shape| *shape == Shape::Bytes(0, usize::MAX))
        && has(data, &|shape| matches!(shape, Shape::List(item) if **item == Shape::Any))
}

/// Whether all integers are of a shape.
#[inline(always)]
pub(super) fn has_all_ints(shape: &Shape) -> bool {
    match shape {
        Shape::Union(shapes) => shapes.contains(&Shape::Int(None, None)),
        shape => *shape == Shape::Int(None, None),
    }
}

/// The class of which objects of a shape are, if these are all of its objects.
pub(super) fn class_of(shape: &Shape) -> Option<*mut PyTypeObject> {
    match shape {
        Shape::None => Some(Owned::none().as_ref().type_ptr()),
        Shape::Bool(None) => Some(&raw mut PyBool_Type),
        Shape::Int(None, None) => Some(&raw mut PyLong_Type),
        Shape::Float => Some(&raw mut PyFloat_Type),
        Shape::Text(0, usize::MAX) => Some(&raw mut PyUnicode_Type),
        Shape::Bytes(0, usize::MAX) => Some(&raw mut PyBytes_Type),
        _ => None,
    }
}
