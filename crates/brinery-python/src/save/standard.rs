//! Instances of types of the standard library, written as their own reductions would have it.

use super::instance::Facts;
use super::task::{Construct, Task};
use super::{Dump, Leaf};
use crate::ffi::api::*;
use crate::ffi::{Owned, Ref, Result, error};
use crate::state::State;
use brinery::Opcode;
use std::ffi::CStr;

/// A type whose reduction is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Date,
    Time,
    DateTime,
    TimeDelta,
    /// A class that `collections.namedtuple` has made, or one that adds nothing to such.
    NamedTuple,
}

impl Type {
    /// The type, if it is one of the interpreter's own.
    pub(super) fn of(kind: *mut PyTypeObject) -> Option<Type> {
        // SAFETY: the type is alive, and its name is a C string that lives as long.
        unsafe {
            if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE != 0 {
                return None;
            }
            match CStr::from_ptr((*kind).tp_name).to_bytes() {
                b"datetime.date" => Some(Type::Date),
                b"datetime.time" => Some(Type::Time),
                b"datetime.datetime" => Some(Type::DateTime),
                b"datetime.timedelta" => Some(Type::TimeDelta),
                _ => None,
            }
        }
    }
}

/// Whether a `__getnewargs__` is that of named tuples, which returns their items.
pub(super) fn is_named_tuple(state: &State, getnewargs: *mut PyObject) -> bool {
    // SAFETY: null, or a function that its class holds.
    let Some(function) = (unsafe { Ref::from_nullable(getnewargs) }) else { return false };
    if !function.is_exactly(&raw mut PyFunction_Type) {
        return false;
    }
    let known = || -> Result<bool> {
        let collections = Owned::str("collections")?;
        let Some(namespace) = crate::modules::namespace(state, collections.as_ref()) else {
            return Ok(false);
        };
        // SAFETY: the namespace is a dict, which holds what is found; code is asked of functions only. The constants of
        // the function that makes named tuples hold the code of their methods.
        unsafe {
            let maker = Owned::str("namedtuple")?;
            let maker = PyDict_GetItemWithError(namespace.as_ptr(), maker.as_ptr());
            let Some(maker) = Ref::from_nullable(maker) else { return Ok(false) };
            if !maker.is_exactly(&raw mut PyFunction_Type) {
                return Ok(false);
            }
            let code = Ref::new(PyFunction_GetCode(function.as_ptr()));
            let maker = Ref::new(PyFunction_GetCode(maker.as_ptr()));
            let constants = maker.getattr(Owned::str("co_consts")?.as_ref())?;
            if !constants.is_exactly(&raw mut PyTuple_Type) {
                return Ok(false);
            }
            let name = code.getattr(Owned::str("co_name")?.as_ref())?;
            let held = (0..PyTuple_GET_SIZE(constants.as_ptr()))
                .any(|index| std::ptr::eq(PyTuple_GET_ITEM(constants.as_ptr(), index), code.as_ptr()));
            Ok(held && name.is_str() && crate::ffi::text::equals(name.as_ref(), "__getnewargs__"))
        }
    };
    known().unwrap_or_else(|_| {
        error::clear();
        false
    })
}

impl Dump<'_> {
    /// Counts an object that nobody can ask for.
    pub(super) fn memoize_nothing(&mut self) -> Result<()> {
        let index = self.memo().insert_nothing();
        self.out.memoize(index).map_err(|unwritable| self.unwritable(unwritable))
    }

    /// Saves a date, time, moment or duration; whether its class could be written at once.
    pub(super) fn save_standard(&mut self, object: &Owned, single: bool, kind: Type) -> Result<bool> {
        if self.out.protocol() < 3 {
            return Ok(false);
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        let pointer = object.as_ptr();
        // From protocol 4 on the second of two alike moments, when clocks are put back, is marked in a free bit.
        let folds = self.out.protocol() > 3;
        let mark = |fold: u8| if folds && fold != 0 { 0x80 } else { 0 };
        self.cross_boundary()?;
        // SAFETY: the object is of the type, whose fields CPython publishes.
        let zone = unsafe {
            match kind {
                Type::Date => {
                    let data = (*pointer.cast::<PyDateTime_Date>()).data;
                    self.save_fields(&data)?;
                    None
                }
                Type::Time => {
                    let time = pointer.cast::<PyDateTime_Time>();
                    let mut data = (*time).data;
                    data[0] |= mark((*time).fold);
                    self.save_fields(&data)?;
                    ((*time).hastzinfo != 0).then(|| Ref::new((*time).tzinfo))
                }
                Type::DateTime => {
                    let moment = pointer.cast::<PyDateTime_DateTime>();
                    let mut data = (*moment).data;
                    data[2] |= mark((*moment).fold);
                    self.save_fields(&data)?;
                    ((*moment).hastzinfo != 0).then(|| Ref::new((*moment).tzinfo))
                }
                _ => {
                    let delta = pointer.cast::<PyDateTime_Delta>();
                    for number in [(*delta).days, (*delta).seconds, (*delta).microseconds] {
                        self.cross_boundary()?;
                        self.out.int(number.into());
                    }
                    None
                }
            }
        };
        if let Some(zone) = zone {
            self.push(Task::Construct(Construct {
                object: Some(object.clone()),
                list_items: None,
                dict_items: None,
                state: None,
                state_setter: None,
            }));
            self.push(Task::Op(Opcode::Reduce));
            self.push(Task::EndPair);
            return self.save(zone).map(|()| true);
        }
        self.out.op(if kind == Type::TimeDelta { Opcode::Tuple3 } else { Opcode::Tuple1 });
        self.memoize_nothing()?;
        self.out.op(Opcode::Reduce);
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)?;
        Ok(true)
    }

    /// Fields as bytes.
    fn save_fields(&mut self, data: &[u8]) -> Result<()> {
        self.cross_boundary()?;
        self.out.short_bytes(data);
        self.memoize_nothing()
    }

    /// Saves a named tuple whose items have no parts; whether it is one.
    pub(super) fn save_named_tuple(
        &mut self,
        object: &Owned,
        single: bool,
        facts: &std::rc::Rc<Facts>,
    ) -> Result<bool> {
        // SAFETY: the object is a tuple.
        let len = unsafe { PyTuple_GET_SIZE(object.as_ptr()) };
        // SAFETY: the index is below the length, and the object is held.
        let item = |index| -> Ref<'static> { unsafe { Ref::new(PyTuple_GET_ITEM(object.as_ptr(), index)) } };
        if !(0..len).all(|index| item(index).is_none() || super::container::is_simple(item(index))) {
            return Ok(false);
        }
        let era = self.memo().era();
        if !self.save_class(object.type_ref())? {
            return Ok(false);
        }
        self.cross_boundary()?;
        if len == 0 {
            self.out.empty_tuple();
        } else {
            if len > 3 {
                self.out.op(Opcode::Mark);
            }
            for index in 0..len {
                self.cross_boundary()?;
                if let Leaf::No { .. } = self.save_leaf(item(index), 1)? {
                    return Err(error::runtime_error("an item of a named tuple is not what it was"));
                }
            }
            self.out.op(match len {
                1 => Opcode::Tuple1,
                2 => Opcode::Tuple2,
                3 => Opcode::Tuple3,
                _ => Opcode::Tuple,
            });
            self.memoize_nothing()?;
        }
        self.out.op(Opcode::NewObj);
        let single = single && era == self.memo().era();
        self.memoize_held(object.as_ref(), single)?;
        self.save_state(object, facts)?;
        Ok(true)
    }
}
