//! Classes, functions and other things that are saved by their module and name.

use super::memo::Known;
use super::task::{Task, is_private};
use super::{Dump, Leaf};
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, error, text};
use crate::state::State;
use brinery::Opcode;

/// A global that was looked up: where it is and by what name.
struct Found {
    object: Owned,
    /// What the last part of the name is an attribute of: the module, or a class in it.
    parent: Owned,
    /// The last part of the name.
    last: Owned,
    /// The whole name, with private parts as the compiler mangles them.
    name: Owned,
}

impl Dump<'_> {
    /// Saves a class by reference, if that can be done at once and without running foreign code but the file's; tells
    /// whether it could.
    #[inline(always)]
    pub(super) fn save_class(&mut self, class: Ref<'_>) -> Result<bool> {
        if let Known::At(index) = self.memo().get(class) {
            self.cross_boundary()?;
            self.get(index)?;
            return Ok(true);
        }
        self.save_new_class(class)
    }

    #[inline(never)]
    fn save_new_class(&mut self, class: Ref<'_>) -> Result<bool> {
        if self.out.protocol() < 4 || !self.is_unregistered() || !self.is_type(class) {
            return Ok(false);
        }
        let Some((module, name)) = class_names(self.state, class) else { return Ok(false) };
        self.save_name(module.as_ref())?;
        // SAFETY: the class is a type.
        let makes_names = unsafe { PyType_GetFlags(class.as_ptr().cast()) } & Py_TPFLAGS_HEAPTYPE == 0;
        if makes_names && !self.keep_memo {
            // A type that is not made by a class statement makes its name anew each time, and may have made that of its
            // module.
            self.names.push(module);
            self.cross_boundary()?;
            self.out.short_text(text::ascii(name.as_ref()).unwrap_or_default());
            self.memoize_nothing()?;
        } else {
            self.save_name(name.as_ref())?;
        }
        self.out.op(Opcode::StackGlobal);
        self.memoize(class)?;
        Ok(true)
    }

    fn save_name(&mut self, name: Ref<'_>) -> Result<()> {
        self.cross_boundary()?;
        match self.save_leaf(name, 0)? {
            Leaf::Saved => Ok(()),
            Leaf::No { .. } => Err(error::type_error("a name must be a str")),
        }
    }

    /// Whether a class would be saved by reference whatever hooks there are.
    fn is_type(&self, class: Ref<'_>) -> bool {
        if self.hooks.reducer_override.is_some() {
            return false;
        }
        let meta = class.type_ref();
        meta.as_ptr().cast() == &raw mut PyType_Type
            || !self.has_dispatch_table()
                && matches!(dict_get(&self.state.copyreg.dispatch_table, meta), Ok(None))
    }

    /// Whether no global has an extension code.
    fn is_unregistered(&self) -> bool {
        // SAFETY: the registry is a dict.
        unsafe { PyDict_Size(self.state.copyreg.extension_registry.as_ptr()) == 0 }
    }

    /// Saves an object by reference; `name` is given where a reduction returned it.
    pub(super) fn save_global(&mut self, object: Ref<'_>, name: Option<Ref<'_>>) -> Result<()> {
        let names = &self.state.names;
        let name = match name {
            Some(name) => name.to_owned(),
            None => match object.lookup_attr(names.__qualname__.as_ref())? {
                Some(name) => name,
                None => object.getattr(names.__name__.as_ref())?,
            },
        };
        let parts = split(name.as_ref())?;
        let module_name = self.which_module(object, &parts)?;
        // SAFETY: importing by whatever `__module__` is; CPython checks it.
        let module = unsafe { Owned::from_result(PyImport_Import(module_name.as_ptr())) };
        let Ok(module) = module else {
            return Err(self.state.pickling_error(&format!(
                "Can't pickle {}: import of module {} failed",
                object.repr_text(),
                module_name.repr_text()
            )));
        };
        let Some(found) = look_up(&module, &name, &parts)? else {
            return Err(self.state.pickling_error(&format!(
                "Can't pickle {}: attribute lookup {} on {} failed",
                object.repr_text(),
                name.text(),
                module_name.text()
            )));
        };
        if !found.object.is(object) {
            return Err(self.state.pickling_error(&format!(
                "Can't pickle {}: it's not the same object as {}.{}",
                object.repr_text(),
                module_name.text(),
                name.text()
            )));
        }
        if self.out.protocol() >= 2
            && let Some(code) = self.extension_code(object, &module_name, &found.name)?
        {
            self.out.extension(code);
            return Ok(());
        }
        let in_module = found.parent.is(module.as_ref());
        let name = if in_module { found.last.clone() } else { found.name };
        if self.out.protocol() >= 4 {
            self.push(Task::Memoize(object.to_owned()));
            self.push(Task::Op(Opcode::StackGlobal));
            self.push(Task::Save(name));
            self.push(Task::Save(module_name));
            Ok(())
        } else if !in_module {
            self.push(Task::Memoize(object.to_owned()));
            self.save_nested_name(module_name, &name, &found.parent, &found.last)
        } else {
            self.write_global(module_name, name)?;
            self.memoize(object)
        }
    }

    /// A name inside of a class, for protocols that have no spelling for it: `getattr(class, name)`.
    #[cfg(not(Py_3_13))]
    fn save_nested_name(&mut self, _: Owned, _: &Owned, parent: &Owned, last: &Owned) -> Result<()> {
        let args = Owned::tuple(&[parent.as_ref(), last.as_ref()])?;
        let reduced = Owned::tuple(&[self.state.getattr.as_ref(), args.as_ref()])?;
        self.save_reduced(reduced.as_ref(), None)
    }

    /// A name inside of a class, for protocols that have no spelling for it: `getattr(getattr(class, name), name)`,
    /// from the outermost class inwards and without memoising what lies between.
    #[cfg(Py_3_13)]
    fn save_nested_name(&mut self, module: Owned, name: &Owned, _: &Owned, _: &Owned) -> Result<()> {
        let mut attributes = split(name.as_ref())?;
        let outermost = attributes.remove(0);
        let pair = if self.out.protocol() < 2 { Opcode::Tuple } else { Opcode::Tuple2 };
        let count = attributes.len();
        for attribute in attributes.into_iter().rev() {
            self.push(Task::Op(Opcode::Reduce));
            self.push(Task::Op(pair));
            self.push(Task::Save(attribute));
        }
        self.push(Task::Global(module, outermost));
        for _ in 0..count {
            if self.out.protocol() < 2 {
                self.push(Task::Op(Opcode::Mark));
            }
            self.push(Task::Save(self.state.getattr.clone()));
        }
        Ok(())
    }

    /// `GLOBAL` with its two lines.
    pub(super) fn write_global(&mut self, module: Owned, name: Owned) -> Result<()> {
        let (module, name) =
            if self.fix_imports { self.python2_names(module, name)? } else { (module, name) };
        let module = self.identifier(&module, "module")?;
        let name = self.identifier(&name, "global")?;
        self.out.line(Opcode::Global, &module);
        self.out.raw(&name);
        self.out.raw(b"\n");
        Ok(())
    }

    /// A line of `GLOBAL`: UTF-8 in protocol 3, ASCII below, for Python 2 knows no other identifiers.
    fn identifier(&self, name: &Owned, what: &str) -> Result<Vec<u8>> {
        let protocol = self.out.protocol();
        let encoded = if name.is_str() {
            let codec = if protocol == 3 { c"utf-8" } else { c"ascii" };
            // SAFETY: the object is a str.
            unsafe {
                Owned::from_result(PyUnicode_AsEncodedString(
                    name.as_ptr(),
                    codec.as_ptr(),
                    c"strict".as_ptr(),
                ))
            }
        } else {
            Err(error::type_error("bad argument type for built-in operation"))
        };
        match encoded {
            Ok(bytes) => Ok(crate::ffi::bytes::as_slice(bytes.as_ref()).to_vec()),
            Err(Raised) => {
                // SAFETY: the interpreter's exception classes are alive as long as it is.
                if !error::matches(unsafe { Ref::new(PyExc_UnicodeEncodeError) }) {
                    return Err(Raised);
                }
                error::clear();
                Err(self.state.pickling_error(&format!(
                    "can't pickle {what} identifier '{}' using pickle protocol {protocol}",
                    name.text()
                )))
            }
        }
    }

    /// What Python 2 called this module and name.
    fn python2_names(&self, module: Owned, name: Owned) -> Result<(Owned, Owned)> {
        let compat = &self.state.compat;
        let key = Owned::tuple(&[module.as_ref(), name.as_ref()])?;
        if let Some(pair) = dict_get(&compat.name_mapping_3to2, key.as_ref())? {
            // SAFETY: a tuple of two has both items.
            let (module, name) = unsafe {
                if !pair.is_tuple() || PyTuple_GET_SIZE(pair.as_ptr()) != 2 {
                    return Err(error::runtime_error(&format!(
                        "_compat_pickle.REVERSE_NAME_MAPPING values should be 2-tuples, not {}",
                        pair.type_name()
                    )));
                }
                (
                    Ref::new(PyTuple_GET_ITEM(pair.as_ptr(), 0)).to_owned(),
                    Ref::new(PyTuple_GET_ITEM(pair.as_ptr(), 1)).to_owned(),
                )
            };
            if !module.is_str() || !name.is_str() {
                return Err(error::runtime_error(&format!(
                    "_compat_pickle.REVERSE_NAME_MAPPING values should be pairs of str, not ({}, {})",
                    module.type_name(),
                    name.type_name()
                )));
            }
            return Ok((module, name));
        }
        match dict_get(&compat.import_mapping_3to2, module.as_ref())? {
            Some(renamed) if renamed.is_str() => Ok((renamed, name)),
            Some(renamed) => Err(error::runtime_error(&format!(
                "_compat_pickle.REVERSE_IMPORT_MAPPING values should be strings, not {}",
                renamed.type_name()
            ))),
            None => Ok((module, name)),
        }
    }

    /// The code under which `copyreg` knows a global.
    fn extension_code(&self, object: Ref<'_>, module: &Owned, name: &Owned) -> Result<Option<u32>> {
        let key = Owned::tuple(&[module.as_ref(), name.as_ref()])?;
        let Some(code) = dict_get(&self.state.copyreg.extension_registry, key.as_ref())? else {
            return Ok(None);
        };
        // What the registry holds is not checked by `copyreg`; up to 3.12 that was a PicklingError.
        if cfg!(not(Py_3_13)) && !code.is_long() {
            return Err(self.state.pickling_error(&format!(
                "Can't pickle {}: extension code {} isn't an integer",
                object.repr_text(),
                code.repr_text()
            )));
        }
        // SAFETY: the object is alive; CPython checks that it is an integer.
        let value = unsafe { PyLong_AsLong(code.as_ptr()) };
        if value == -1 && error::occurred() {
            return Err(Raised);
        }
        match i32::try_from(value) {
            Ok(value) if value > 0 => Ok(Some(value.unsigned_abs())),
            _ if cfg!(Py_3_13) => {
                Err(error::runtime_error(&format!("extension code {value} is out of range")))
            }
            _ => Err(self.state.pickling_error(&format!(
                "Can't pickle {}: extension code {value} is out of range",
                object.repr_text()
            ))),
        }
    }

    /// The name of the module that an object is found in.
    fn which_module(&self, object: Ref<'_>, parts: &[Owned]) -> Result<Owned> {
        let names = &self.state.names;
        if let Some(module) = object.lookup_attr(names.__module__.as_ref())?
            && !module.is_none()
        {
            return Ok(module);
        }
        // Some objects do not know, such as bound methods of extension types: look through all modules.
        // SAFETY: the name is a C string; the result is borrowed from `sys`.
        let Some(modules) = (unsafe { Ref::from_nullable(PySys_GetObject(c"modules".as_ptr())) }) else {
            return Err(error::runtime_error("unable to get sys.modules"));
        };
        // A copy, since looking up attributes of modules may import others.
        // SAFETY: the object is alive; `PyMapping_Items` returns a list.
        let items = unsafe { Owned::from_result(PyMapping_Items(modules.as_ptr()))? };
        // SAFETY: the object is a list that nobody else knows.
        for index in 0..unsafe { PyList_GET_SIZE(items.as_ptr()) } {
            // SAFETY: the index is below the size; what is no pair makes the calls answer null with an exception.
            let (name, module) = unsafe {
                let pair = PyList_GET_ITEM(items.as_ptr(), index);
                (Ref::from_nullable(PyTuple_GetItem(pair, 0)), Ref::from_nullable(PyTuple_GetItem(pair, 1)))
            };
            let (Some(name), Some(module)) = (name, module) else { return Err(Raised) };
            if module.is_none() || (name.is_str() && text::equals(name, "__main__")) {
                continue;
            }
            match deep_attribute(module.to_owned(), parts) {
                Ok(Some((candidate, _))) if candidate.is(object) => return Ok(name.to_owned()),
                Ok(_) => {}
                Err(Raised) => return Err(Raised),
            }
        }
        Ok(names.__main__.clone())
    }
}

/// The module and name under which a class is found, if both are plain to see.
fn class_names(state: &State, class: Ref<'_>) -> Option<(Owned, Owned)> {
    unsafe extern "C" {
        fn _PyType_Lookup(kind: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    }
    let kind = class.as_ptr().cast::<PyTypeObject>();
    let names = &state.names;
    // SAFETY: the class is alive and holds its names; a heap type has the fields of one.
    let (module, name) = unsafe {
        let meta = class.type_ptr();
        let standard = |name: &Owned| {
            let own = _PyType_Lookup(&raw mut PyType_Type, name.as_ptr());
            std::ptr::eq(_PyType_Lookup(meta, name.as_ptr()), own)
        };
        if !standard(&names.__qualname__) || !standard(&names.__module__) {
            return None;
        }
        if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE == 0 {
            // Such a type finds both in its C name.
            let found = class.getattr(names.__module__.as_ref()).and_then(|module| {
                let name = class.getattr(names.__qualname__.as_ref())?;
                Ok((module, name))
            });
            if found.is_err() {
                error::clear();
            }
            return found.ok().filter(|(module, name)| is_found(state, class, module, name));
        }
        let module = Ref::from_nullable(PyDict_GetItemWithError((*kind).tp_dict, names.__module__.as_ptr()))?;
        let name = Ref::from_nullable((*kind.cast::<PyHeapTypeObject>()).ht_qualname)?;
        (module.to_owned(), name.to_owned())
    };
    is_found(state, class, &module, &name).then_some((module, name))
}

/// Whether a class is what a module that is imported has under a name.
fn is_found(state: &State, class: Ref<'_>, module: &Owned, name: &Owned) -> bool {
    let plain = name.is_exactly(&raw mut PyUnicode_Type)
        && text::ascii(name.as_ref()).is_some_and(|name| !name.contains(&b'.') && name.len() <= 0xff);
    plain
        && crate::modules::namespace(state, module.as_ref()).is_some_and(|namespace| {
            // SAFETY: a namespace is a dict, which holds what is found.
            let found = unsafe { PyDict_GetItemWithError(namespace.as_ptr(), name.as_ptr()) };
            std::ptr::eq(found, class.as_ptr())
        })
}

/// `dict[key]`, or `None` where there is none.
pub(crate) fn dict_get(dict: &Owned, key: Ref<'_>) -> Result<Option<Owned>> {
    // SAFETY: the object is a dict; the reference is borrowed and made ours at once.
    match unsafe { Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())) } {
        Some(value) => Ok(Some(value.to_owned())),
        None if error::occurred() => Err(Raised),
        None => Ok(None),
    }
}

/// The parts of a dotted name. A part that only a running function knows cannot be found again.
fn split(name: Ref<'_>) -> Result<Vec<Owned>> {
    if !name.is_str() {
        return Err(error::type_error(&format!("must be str, not {}", name.type_name())));
    }
    let dot = Owned::str(".")?;
    // SAFETY: both are strings; the result is a list of strings.
    let list = unsafe { Owned::from_result(PyUnicode_Split(name.as_ptr(), dot.as_ptr(), -1))? };
    let mut parts = Vec::new();
    // SAFETY: the list is new and nobody else knows it.
    for index in 0..unsafe { PyList_GET_SIZE(list.as_ptr()) } {
        // SAFETY: the index is below the size.
        let part = unsafe { Ref::new(PyList_GET_ITEM(list.as_ptr(), index)) }.to_owned();
        if text::equals(part.as_ref(), "<locals>") {
            let verb = if cfg!(Py_3_13) { "get" } else { "pickle" };
            let name = name.repr_text();
            return Err(error::attribute_error(&format!("Can't {verb} local object {name}")));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// The attribute that a dotted name leads to, and what it is an attribute of.
fn deep_attribute(module: Owned, parts: &[Owned]) -> Result<Option<(Owned, Owned)>> {
    let mut object = module.clone();
    let mut parent = module;
    for part in parts {
        parent = object;
        match parent.lookup_attr(part.as_ref())? {
            Some(attribute) => object = attribute,
            None => return Ok(None),
        }
    }
    Ok(Some((object, parent)))
}

/// Looks a global up, under its name and else under the one that the compiler makes of private parts.
fn look_up(module: &Owned, name: &Owned, parts: &[Owned]) -> Result<Option<Found>> {
    let last = |parts: &[Owned]| parts.last().cloned().unwrap_or_else(|| name.clone());
    match deep_attribute(module.clone(), parts) {
        Ok(Some((object, parent))) => {
            return Ok(Some(Found { object, parent, last: last(parts), name: name.clone() }));
        }
        Ok(None) => {}
        // As `_pickle` does, whatever goes wrong while looking means that it is not there.
        Err(Raised) => error::clear(),
    }
    let Some(mangled) = mangle(parts)? else { return Ok(None) };
    match deep_attribute(module.clone(), &mangled) {
        Ok(Some((object, parent))) => {
            let texts: Vec<String> = mangled.iter().map(|part| part.text()).collect();
            let name = Owned::str(&texts.join("."))?;
            Ok(Some(Found { object, parent, last: last(&mangled), name }))
        }
        Ok(None) => Ok(None),
        Err(Raised) => {
            error::clear();
            Ok(None)
        }
    }
}

/// A class or function that is private to a class (`__Name`) is known there as `_Class__Name`.
fn mangle(parts: &[Owned]) -> Result<Option<Vec<Owned>>> {
    let mut mangled = parts.to_vec();
    let mut changed = false;
    for index in 1..parts.len() {
        let class = parts[index - 1].text();
        if is_private(parts[index].as_ref()) && !class.trim_start_matches('_').is_empty() {
            mangled[index] = Owned::str(&mangled_name(&class, &parts[index].text()))?;
            changed = true;
        }
    }
    Ok(changed.then_some(mangled))
}

/// What the compiler makes of a private name in a class.
pub(super) fn mangled_name(class: &str, name: &str) -> String {
    format!("_{}{name}", class.trim_start_matches('_'))
}
