//! Loading at once what can be judged while it is made.
//!
//! Most granted classes are such that nobody can tell that an instance was made and given up again: builtin values, and plain
//! instances that get attributes. Their streams are loaded in one go, each deed judged before it is done. Whatever cannot be
//! judged like this, and whatever is not granted, makes the load begin again, judged as a whole before anything is made.

use super::rules::{Judged, Rules, plain_text};
use crate::ffi::api::*;
use crate::ffi::layout::int;
use crate::ffi::{Owned, Ref, Result, sequence};
use crate::load::{Builder, Nature};
use brinery::policy::{Native, Shape, State};
use std::cell::Cell;

/// What a load in one go knows, and what it may still spend.
pub(super) struct Direct<'a> {
    rules: &'a Rules,
    /// Whether brinery itself finds the objects of globals.
    finds_globals: bool,
    globals: Vec<Global<'a>>,
    /// The global that was used last: most likely the next one is the same.
    last: Cell<usize>,
    /// Whether the stream has strings of Python 2, which are of two kinds until it is known what they are for.
    pub(super) has_old_strings: bool,
    work: Cell<u64>,
    memory: u64,
    /// Shapes that objects must have at the end as well, for they can be changed.
    obligations: Vec<(Owned, &'a Shape)>,
    /// Names that were compared with those of a state. The memo takes them for held, so they stay until the end.
    names: Vec<Owned>,
}

/// A class that the stream has named.
struct Global<'a> {
    judged: &'a Judged<'a>,
    class: Owned,
    nature: Option<Nature>,
    /// The attributes of the last instance, in order.
    row: Vec<Attribute<'a>>,
}

struct Attribute<'a> {
    name: Owned,
    /// What it may be, if not everything.
    shape: Option<&'a Shape>,
    /// Whether it can lose this shape.
    can_be_lost: bool,
}

impl<'a> Direct<'a> {
    pub(super) fn new(rules: &'a Rules, finds_globals: bool, input: usize) -> Self {
        let limits = rules.budgets();
        Direct {
            rules,
            finds_globals,
            globals: Vec::new(),
            last: Cell::new(0),
            has_old_strings: false,
            work: Cell::new(limits.work_for(input)),
            memory: limits.memory_for(input),
            obligations: Vec::new(),
            names: Vec::new(),
        }
    }

    /// Whether the stream has named no class so far: all that there is are builtin objects.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.globals.is_empty()
    }

    /// The class that a stream names, if its instances can be made in one go.
    pub(super) fn global(
        &mut self,
        builder: &mut Builder<'_>,
        module: &Owned,
        name: &Owned,
    ) -> Result<Option<Owned>> {
        let exact = |object: &Owned| object.is_exactly(&raw mut PyUnicode_Type);
        if !self.finds_globals || self.has_old_strings || !exact(module) || !exact(name) {
            return Ok(None);
        }
        let (module, name) = (module.as_ref(), name.as_ref());
        if let Some(known) = self.globals.iter().find(|known| known.judged.is_named(module, name)) {
            return Ok(Some(known.class.clone()));
        }
        let Some(judged) = self.rules.judged(module, name) else { return Ok(None) };
        let Some(class) = judged.object().filter(|object| object.is_type()) else { return Ok(None) };
        if self.globals.iter().any(|known| known.class.is(class.as_ref()))
            || !judged.is_as_granted(builder, class.as_ref())?
        {
            return Ok(None);
        }
        let nature = builder.nature(class.as_ref());
        self.globals.push(Global { judged, class: class.clone(), nature, row: Vec::new() });
        Ok(Some(class))
    }

    #[inline(always)]
    fn find(&self, class: *mut PyObject) -> Option<usize> {
        let last = self.last.get();
        if self.globals.get(last).is_some_and(|known| known.class.as_ptr() == class) {
            return Some(last);
        }
        let index = self.globals.iter().position(|known| known.class.as_ptr() == class)?;
        self.last.set(index);
        Some(index)
    }

    /// What a call of a class may make, if it is granted with these arguments.
    #[inline]
    pub(super) fn call(&mut self, class: Ref<'_>, args: &[Ref<'_>]) -> Option<Nature> {
        let known = &self.globals[self.find(class.as_ptr())?];
        let nature = known.nature?;
        let granted = match (nature, known.judged.capability.native) {
            (Nature::Value | Nature::Container, None | Some(Native::Elements | Native::Fraction)) => {
                self.fits_args(&known.judged.calls, args)
            }
            _ => false,
        };
        (granted && self.pay_for(args)).then_some(nature)
    }

    /// The same for a construction by `__new__`.
    #[inline]
    pub(super) fn construct(&mut self, class: Ref<'_>, args: &[Ref<'_>]) -> Option<Nature> {
        let known = &self.globals[self.find(class.as_ptr())?];
        let nature = known.nature?;
        let granted = match (nature, known.judged.capability.native) {
            (Nature::Instance | Nature::NamedTuple, None) | (Nature::Uuid, Some(Native::Uuid)) => {
                self.fits_args(&known.judged.constructions, args)
            }
            _ => false,
        };
        (granted && self.pay_for(args)).then_some(nature)
    }

    /// Whether an instance may be given these attributes: names and values in turn.
    #[inline]
    pub(super) fn state(&mut self, instance: Ref<'_>, items: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(instance.type_ptr().cast()) else { return false };
        if !self.pay(32 + 16 * items.len() as u64) {
            return false;
        }
        let known = &self.globals[index];
        match (&known.judged.capability.state, known.nature) {
            (State::Attributes(_), Some(Nature::Instance)) => {}
            (State::SetState(shape), Some(Nature::Uuid)) => return self.uuid(shape, items),
            _ => return false,
        }
        let same = known.row.len() * 2 == items.len()
            && known.row.iter().zip(items.chunks_exact(2)).all(|(known, pair)| known.name.is(pair[0]));
        if !same && !self.learn(index, items) {
            return false;
        }
        for (attribute, pair) in self.globals[index].row.iter().zip(items.chunks_exact(2)) {
            let fits = match attribute.shape {
                None => !pair[1].is_type(),
                Some(shape) => self.fits(shape, pair[1]),
            };
            if !fits {
                return false;
            }
            if let (Some(shape), true) = (attribute.shape, attribute.can_be_lost) {
                self.obligations.push((pair[1].to_owned(), shape));
            }
        }
        true
    }

    /// The same for attributes in a dict.
    pub(super) fn build(&mut self, instance: Ref<'_>, state: Ref<'_>) -> bool {
        if !state.is_exactly(&raw mut PyDict_Type) {
            return false;
        }
        let mut items = Vec::new();
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: a dict, which does not change meanwhile.
        unsafe {
            while PyDict_Next(state.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
                items.extend([Ref::new(key), Ref::new(value)]);
            }
        }
        self.state(instance, &items)
    }

    /// Finds out what attributes of these names may be.
    #[cold]
    fn learn(&mut self, index: usize, items: &[Ref<'_>]) -> bool {
        let known = &mut self.globals[index];
        let State::Attributes(fields) = &known.judged.capability.state else { return false };
        self.names.extend(known.row.drain(..).map(|attribute| attribute.name));
        for pair in items.chunks_exact(2) {
            let Some(name) = plain_text(pair[0]) else { return false };
            let special = name.starts_with("__") && name.ends_with("__");
            let shape = fields.as_ref().map(|fields| fields.get(name).or_else(|| fields.get("*")));
            if special || name == "args" || shape == Some(None) {
                return false;
            }
            let shape = shape.flatten().filter(|shape| **shape != Shape::Any);
            let can_be_lost = shape.is_some_and(Shape::can_be_lost);
            known.row.push(Attribute { name: pair[0].to_owned(), shape, can_be_lost });
        }
        true
    }

    /// Whether this is the state of a `uuid.UUID`.
    fn uuid(&self, shape: &Shape, items: &[Ref<'_>]) -> bool {
        let (Shape::Dict(keys, values), [key, value]) = (shape, items) else { return false };
        plain_text(*key).is_some_and(|name| name == "int")
            && value.is_exactly(&raw mut PyLong_Type)
            && int::is_unsigned(*value, 128)
            && self.fits(keys, *key)
            && self.fits(values, *value)
    }

    /// Whether a container may be extended by these items.
    pub(super) fn extend(&mut self, container: Ref<'_>, items: &[Ref<'_>]) -> bool {
        let Some(index) = self.find(container.type_ptr().cast()) else { return false };
        let known = &self.globals[index];
        match (&known.judged.capability.extend, known.nature) {
            (Some(Shape::Any), Some(Nature::Container)) => true,
            (Some(shape), Some(Nature::Container)) if !shape.can_be_lost() => {
                items.iter().all(|item| self.fits(shape, *item))
            }
            _ => false,
        }
    }

    /// Whether everything still has the shape that it had when it was judged.
    pub(super) fn still_fits(&self) -> bool {
        self.obligations.iter().all(|(object, shape)| self.fits(shape, object.as_ref()))
    }

    /// Pays for the memory of what a call may copy: the same argument can be given to many calls.
    #[inline(always)]
    fn pay_for(&mut self, args: &[Ref<'_>]) -> bool {
        let sum = args.iter().fold(16 * args.len() as u64, |sum, argument| sum + flat_size(*argument));
        self.pay(sum)
    }

    #[inline(always)]
    fn pay(&mut self, amount: u64) -> bool {
        let Some(left) = self.memory.checked_sub(amount) else { return false };
        self.memory = left;
        true
    }

    /// Whether arguments have one of these shapes, which are those of their tuple.
    #[inline]
    fn fits_args(&self, shapes: &[&Shape], args: &[Ref<'_>]) -> bool {
        shapes.iter().any(|shape| match shape {
            Shape::Any => args.iter().all(|argument| !argument.is_type()),
            Shape::Items(item) => args.iter().all(|argument| self.fits(item, *argument)),
            Shape::Tuple(shapes) => self.in_order(shapes, args),
            _ => false,
        })
    }

    /// Whether there are as many objects as shapes, and each has its own.
    fn in_order(&self, shapes: &[Shape], objects: &[Ref<'_>]) -> bool {
        shapes.len() == objects.len()
            && shapes.iter().zip(objects).all(|(shape, object)| self.fits(shape, *object))
    }

    /// Whether an object certainly has a shape.
    #[inline]
    fn fits(&self, shape: &Shape, object: Ref<'_>) -> bool {
        let exactly = |kind: *mut PyTypeObject| object.is_exactly(kind);
        match self.work.get().checked_sub(1) {
            Some(left) => self.work.set(left),
            None => return false,
        }
        match shape {
            Shape::Any => !object.is_type(),
            Shape::None => object.is_none(),
            Shape::Bool(None) => exactly(&raw mut PyBool_Type),
            Shape::Bool(Some(wanted)) => {
                exactly(&raw mut PyBool_Type) && object.is_true().is_ok_and(|value| value == *wanted)
            }
            Shape::Int(None, None) => exactly(&raw mut PyLong_Type),
            Shape::Int(low, high) => {
                exactly(&raw mut PyLong_Type)
                    && int::value(object).is_some_and(|int| {
                        low.is_none_or(|low| low <= int) && high.is_none_or(|high| int <= high)
                    })
            }
            Shape::Float => exactly(&raw mut PyFloat_Type),
            Shape::Text(0, usize::MAX) => exactly(&raw mut PyUnicode_Type),
            Shape::Text(low, high) => {
                plain_text(object).is_some_and(|text| (*low..=*high).contains(&text.chars().count()))
            }
            Shape::Literal(wanted) => plain_text(object).is_some_and(|text| text == wanted),
            Shape::Form(form) => plain_text(object).is_some_and(|text| form.holds(text)),
            Shape::Bytes(low, high) => {
                // SAFETY: a size is asked of bytes.
                exactly(&raw mut PyBytes_Type)
                    && (*low..=*high).contains(&(unsafe { PyBytes_Size(object.as_ptr()) } as usize))
            }
            Shape::ByteArray => exactly(&raw mut PyByteArray_Type),
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
            Shape::Made(module, name) => self
                .find(object.type_ptr().cast())
                .is_some_and(|index| self.globals[index].judged.is_called(module, name)),
            Shape::Global(module, name) => {
                object.is_type()
                    && self
                        .find(object.as_ptr())
                        .is_some_and(|index| self.globals[index].judged.is_called(module, name))
            }
            Shape::Union(shapes) => shapes.iter().any(|shape| self.fits(shape, object)),
            _ => false,
        }
    }

    /// Whether all items of a list or a tuple have a shape.
    fn each(&self, shape: &Shape, object: Ref<'_>) -> bool {
        // SAFETY: it is one of the two, which holds its items and does not change meanwhile.
        *shape == Shape::Any
            || unsafe { sequence::items(object).iter().all(|item| self.fits(shape, Ref::new(*item))) }
    }

    /// Whether all keys and values of a dict have their shapes.
    fn pairs(&self, keys: &Shape, values: &Shape, dict: Ref<'_>) -> bool {
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: a dict, which does not change meanwhile, and holds what is in it.
        unsafe {
            while PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
                if !self.fits(keys, Ref::new(key)) || !self.fits(values, Ref::new(value)) {
                    return false;
                }
            }
        }
        true
    }
}

/// How much memory a copy of an object may take, without what it holds.
#[inline(always)]
fn flat_size(object: Ref<'_>) -> u64 {
    let kind = object.type_ptr();
    if kind == &raw mut PyLong_Type || kind == &raw mut PyFloat_Type {
        return 0;
    }
    // SAFETY: sizes are asked of what has them.
    let size = unsafe {
        if kind == &raw mut PyUnicode_Type {
            4 * PyUnicode_GetLength(object.as_ptr())
        } else if kind == &raw mut PyBytes_Type {
            PyBytes_Size(object.as_ptr())
        } else if kind == &raw mut PyByteArray_Type {
            PyByteArray_Size(object.as_ptr())
        } else if kind == &raw mut PyTuple_Type {
            64 * PyTuple_GET_SIZE(object.as_ptr())
        } else if kind == &raw mut PyList_Type {
            64 * PyList_GET_SIZE(object.as_ptr())
        } else if kind == &raw mut PyDict_Type {
            64 * PyDict_Size(object.as_ptr())
        } else if PyAnySet_Check(object.as_ptr()) != 0 {
            64 * PySet_Size(object.as_ptr())
        } else {
            0
        }
    };
    size as u64
}
