//! Paths of `pathlib`, whose pickles have their parts.

use super::class::version_of;
use super::native::{is_original, loaded};
use crate::ffi::api::*;
use crate::ffi::layout::{Heap, Layout, Nursery, Plan, slot_offset};
use crate::ffi::{Owned, Raised, Ref, Result, error, text};

/// What is known of one of the classes of paths of this system.
pub(super) struct Paths {
    plan: Plan,
    /// Where an instance has its drive, root and parts, or just what it was made of.
    slots: Vec<usize>,
    /// What takes paths apart, if anything does, and the version of its class.
    flavour: Option<(Owned, u32)>,
    /// `''`, and what takes paths apart has as `'/'`
    nothing: Owned,
    separator: Owned,
}

/// The methods that make a path.
const METHODS: &[&str] =
    if cfg!(Py_3_12) { &["__new__", "__init__"] } else { &["__new__", "_from_parts", "_parse_args"] };

/// What they fill, in order.
const SLOTS: &[&str] = if cfg!(Py_3_12) { &["_raw_paths"] } else { &["_drv", "_root", "_parts"] };

impl Paths {
    /// # Safety
    ///
    /// The class is alive.
    pub(super) unsafe fn of<'a>(
        class: Ref<'_>,
        layout: &Layout,
        lookup: &dyn Fn(&str) -> Option<Ref<'a>>,
    ) -> Option<Self> {
        let kind = class.as_ptr().cast();
        let module = loaded("pathlib")?;
        let get = |object: Ref<'_>, name: &str| {
            let found = Owned::str(name).and_then(|name| object.getattr(name.as_ref())).ok();
            error::clear();
            found
        };
        let is = |name: &str| get(module.as_ref(), name).is_some_and(|found| found.is(class));
        if !cfg!(Py_3_11) || !cfg!(unix) || !is("PurePosixPath") && !is("PosixPath") {
            return None;
        }
        let from = if cfg!(Py_3_13) { "pathlib._local" } else { "pathlib" };
        let original = |function: Option<Ref<'_>>, names: &[&str]| {
            names.iter().any(|name| is_original(function, from, name))
        };
        for method in METHODS {
            // Of class methods it is the function that counts.
            let found = lookup(method)?;
            let function = get(found, "__func__");
            let function = function.as_ref().map_or(found, Owned::as_ref);
            if !original(Some(function), &[&format!("PurePath.{method}"), &format!("Path.{method}")]) {
                return None;
            }
        }
        let (mut flavour, mut separator) = (None, None);
        if !cfg!(Py_3_12) {
            let found = lookup("_flavour")?;
            let parse = get(found.type_ref(), "parse_parts")?;
            let split = get(found.type_ref(), "splitroot")?;
            if !is_original(Some(parse.as_ref()), from, "_Flavour.parse_parts")
                || !is_original(Some(split.as_ref()), from, "_PosixFlavour.splitroot")
                || !get(found, "is_supported")?.is_true().ok()?
            {
                return None;
            }
            // SAFETY: the object keeps its class alive.
            let version = unsafe { version_of(found.type_ptr()) };
            flavour = (version != 0).then(|| (found.to_owned(), version));
            flavour.as_ref()?;
            separator = get(found, "sep");
        }
        let slots: Vec<_> = SLOTS.iter().map_while(|name| slot_offset(kind, lookup(name)?)).collect();
        if slots.len() != SLOTS.len() {
            return None;
        }
        Some(Paths {
            // SAFETY: by contract.
            plan: unsafe { Plan::of(kind, layout)? },
            slots,
            flavour,
            nothing: Owned::str("").ok()?,
            separator: separator.or_else(|| Owned::str("/").ok())?,
        })
    }

    /// `kind(*parts)`; `None` if that is for the class to say.
    ///
    /// # Safety
    ///
    /// This is what is known of the class `kind`.
    pub(super) unsafe fn make(
        &self,
        heap: &Heap,
        nursery: &mut Nursery,
        kind: *mut PyTypeObject,
        parts: &[Ref<'_>],
    ) -> Option<Result<Owned>> {
        if let Some((flavour, version)) = &self.flavour
            // SAFETY: the object keeps its class alive.
            && unsafe { version_of(flavour.type_ptr()) } != *version
        {
            return None;
        }
        let is_text = |part: &Ref<'_>| part.is_exactly(&raw mut PyUnicode_Type);
        if !parts.iter().all(is_text) {
            return None;
        }
        let rooted = !cfg!(Py_3_12) && parts.first().is_some_and(|first| text::ascii(*first) == Some(b"/"));
        let is_name = |part: &Ref<'_>| {
            text::ascii(*part).is_some_and(|text| !matches!(text, b"" | b".") && !text.contains(&b'/'))
        };
        let names = &parts[usize::from(rooted)..];
        if !cfg!(Py_3_12) && !names.iter().all(is_name) {
            return None;
        }
        let mut make = || {
            // SAFETY: the new list has places for all parts, which are filled; the offsets are those of empty places for an
            // object each.
            unsafe {
                let list = Owned::from_result(PyList_New(parts.len() as Py_ssize_t))?;
                for (index, part) in parts.iter().enumerate() {
                    let part = match index {
                        0 if rooted => self.separator.clone(),
                        _ if cfg!(Py_3_12) => Ref::to_owned(*part),
                        _ => super::instance::interned(Ref::to_owned(*part))?,
                    };
                    PyList_SET_ITEM(list.as_ptr(), index as Py_ssize_t, part.into_ptr());
                }
                let path = self.plan.make(heap, nursery, kind)?;
                let set = |offset: &usize, value: Owned| {
                    path.as_ptr().byte_add(*offset).cast::<*mut PyObject>().write(value.into_ptr());
                };
                if let [drive, root, parts] = &self.slots[..] {
                    set(drive, self.nothing.clone());
                    set(root, if rooted { &self.separator } else { &self.nothing }.clone());
                    set(parts, list);
                } else if let [made_of] = &self.slots[..] {
                    set(made_of, list);
                } else {
                    return Err(Raised);
                }
                Ok(path)
            }
        };
        Some(make())
    }
}
