//! Classes, functions and other things that are saved by their module and name.

use super::instance::{lookup, registered};
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
        if self.hooks.reducer_override.is_some() || !self.is_unreduced(class) {
            return Ok(false);
        }
        self.save_new_global(class)
    }

    /// Saves a class or function for which no hook is left to ask by reference; whether it could.
    pub(super) fn save_found_global(&mut self, object: Ref<'_>) -> Result<bool> {
        if !self.state.fast_paths || !self.memo().may_wait() || !self.is_unreduced(object) {
            return Ok(false);
        }
        self.save_new_global(object)
    }

    /// Whether [`save_class`](Self::save_class) will be able to save a class.
    pub(super) fn can_save_class(&mut self, class: Ref<'_>) -> bool {
        if self.memo().get(class) != Known::No {
            return true;
        }
        class.is_type()
            && self.out.protocol() >= 4
            && self.hooks.reducer_override.is_none()
            && self.is_unreduced(class)
            && find(self.state, class).is_some_and(|global| !self.has_code(&global))
    }

    #[inline(never)]
    fn save_new_global(&mut self, object: Ref<'_>) -> Result<bool> {
        if self.out.protocol() < 4 {
            return Ok(false);
        }
        let Some(global) = find(self.state, object) else { return Ok(false) };
        if self.has_code(&global) {
            return Ok(false);
        }
        let Global { module, name, makes_name } = global;
        self.save_name(module.as_ref())?;
        let text = text::ascii(name.as_ref()).unwrap_or_default();
        // Text of one character is the interpreter's.
        if makes_name && text.len() > 1 {
            self.cross_boundary()?;
            self.out.short_text(text);
            self.memoize_temporary(|| Ok(name.clone()))?;
        } else {
            self.save_name(name.as_ref())?;
        }
        if !self.keep_memo {
            // It may have been made, too, and the memo knows it.
            self.names.push(module);
        }
        self.out.op(Opcode::StackGlobal);
        self.memoize(object)?;
        Ok(true)
    }

    fn save_name(&mut self, name: Ref<'_>) -> Result<()> {
        self.cross_boundary()?;
        match self.save_leaf(name, 0)? {
            Leaf::Saved => Ok(()),
            Leaf::No { .. } => Err(error::type_error("a name must be a str")),
        }
    }

    /// Whether no dispatch table has anything for the type of a class or function, or is asked.
    fn is_unreduced(&self, object: Ref<'_>) -> bool {
        let kind = object.type_ref();
        let asked = [&raw mut PyType_Type, &raw mut PyFunction_Type];
        if asked.contains(&kind.as_ptr().cast()) {
            return true;
        }
        match self.dispatch_table() {
            Some(table) => matches!(registered(self.state, table.as_ref(), kind), Ok(None)),
            None => {
                matches!(registered(self.state, self.state.copyreg.dispatch_table.as_ref(), kind), Ok(None))
            }
        }
    }

    /// Whether a global has an extension code, as far as can be told.
    fn has_code(&mut self, global: &Global) -> bool {
        let registry = &self.state.copyreg.extension_registry;
        // SAFETY: the registry is a dict.
        if unsafe { PyDict_Size(registry.as_ptr()) } == 0 {
            return false;
        }
        // The registry may hold any keys, which compare themselves as they like.
        self.settle();
        let found = Owned::tuple(&[global.module.as_ref(), global.name.as_ref()])
            .and_then(|key| dict_get(registry, key.as_ref()));
        found.map_or_else(
            |Raised| {
                error::clear();
                true
            },
            |code| code.is_some(),
        )
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

/// The module and name under which a class or function is found.
struct Global {
    module: Owned,
    name: Owned,
    /// Whether the name is made whenever it is asked for.
    makes_name: bool,
}

/// Where a class or function is found, if that is plain to see.
fn find(state: &State, object: Ref<'_>) -> Option<Global> {
    let global = if object.is_type() {
        class_names(state, object)?
    } else if object.is_exactly(&raw mut PyFunction_Type) {
        let [module, name] = attributes(object, [&state.names.__module__, &state.names.__qualname__])?;
        Global { module, name, makes_name: false }
    } else {
        // SAFETY: callers have nothing else than native functions, whose names are C strings.
        let name = unsafe {
            let function = object.as_ptr().cast::<PyCFunctionObject>();
            let receiver = Ref::from_nullable((*function).m_self);
            if receiver.is_some_and(|receiver| PyModule_Check(receiver.as_ptr()) == 0) {
                return None;
            }
            std::ffi::CStr::from_ptr((*(*function).m_ml).ml_name).to_str().ok()?
        };
        let [module] = attributes(object, [&state.names.__module__])?;
        Global { module, name: made(Owned::str(name))?, makes_name: true }
    };
    is_found(state, object, &global).then_some(global)
}

/// A result without its exception.
fn made<T>(result: Result<T>) -> Option<T> {
    if result.is_err() {
        error::clear();
    }
    result.ok()
}

/// Attributes of objects of the interpreter's own types, which runs no code.
fn attributes<const N: usize>(object: Ref<'_>, names: [&Owned; N]) -> Option<[Owned; N]> {
    let mut found = [const { None }; N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = Some(made(object.getattr(name.as_ref()))?);
    }
    Some(found.map(|found| found.unwrap_or_else(Owned::none)))
}

/// The module and name that a class has, if both are plain to see.
fn class_names(state: &State, class: Ref<'_>) -> Option<Global> {
    let kind = class.as_ptr().cast::<PyTypeObject>();
    let names = &state.names;
    // SAFETY: the class is alive and holds its names; a heap type has the fields of one.
    unsafe {
        let meta = class.type_ptr();
        let standard = |name: &Owned| std::ptr::eq(lookup(meta, name), lookup(&raw mut PyType_Type, name));
        if !has_standard_attributes(meta) || !standard(&names.__qualname__) || !standard(&names.__module__) {
            return None;
        }
        if PyType_GetFlags(kind) & Py_TPFLAGS_HEAPTYPE == 0 {
            // Such a type finds both in its C name.
            let [module, name] = attributes(class, [&names.__module__, &names.__qualname__])?;
            return Some(Global { module, name, makes_name: true });
        }
        let module = Ref::from_nullable(PyDict_GetItemWithError((*kind).tp_dict, names.__module__.as_ptr()))?;
        let name = Ref::from_nullable((*kind.cast::<PyHeapTypeObject>()).ht_qualname)?;
        Some(Global { module: module.to_owned(), name: name.to_owned(), makes_name: false })
    }
}

/// Whether the classes of a metaclass look their attributes up as `type` does.
///
/// # Safety
///
/// The metaclass is alive.
unsafe fn has_standard_attributes(meta: *mut PyTypeObject) -> bool {
    // SAFETY: by contract.
    let (own, standard) = unsafe { ((*meta).tp_getattro, PyType_Type.tp_getattro) };
    own.zip(standard).is_some_and(|(own, standard)| std::ptr::fn_addr_eq(own, standard))
}

/// Whether an object is what a module that is imported has under a name, which may lead through classes.
fn is_found(state: &State, object: Ref<'_>, global: &Global) -> bool {
    let Global { module, name, .. } = global;
    if !name.is_exactly(&raw mut PyUnicode_Type) {
        return false;
    }
    let Some(text) = text::ascii(name.as_ref()).filter(|name| name.len() <= 0xff) else { return false };
    let Some(namespace) = crate::modules::namespace(state, module.as_ref()) else { return false };
    if !text.contains(&b'.') {
        // SAFETY: a namespace is a dict, which holds what is found.
        let found = unsafe { PyDict_GetItemWithError(namespace.as_ptr(), name.as_ptr()) };
        return std::ptr::eq(found, object.as_ptr());
    }
    is_found_within(&namespace, object, text).unwrap_or(false)
}

/// Whether an object is what a dotted name leads to, without running any code.
fn is_found_within(namespace: &Owned, object: Ref<'_>, name: &[u8]) -> Option<bool> {
    let mut place: Option<*mut PyObject> = None;
    for part in name.split(|&byte| byte == b'.') {
        let part = made(Owned::interned(std::str::from_utf8(part).ok()?))?;
        // SAFETY: the namespace holds what is found, and so does each class.
        let found = unsafe {
            match place {
                None => PyDict_GetItemWithError(namespace.as_ptr(), part.as_ptr()),
                Some(class) => {
                    let class = Ref::new(class);
                    if !class.is_type()
                        || !has_standard_attributes(class.type_ptr())
                        || !lookup(class.type_ptr(), &part).is_null()
                    {
                        return None;
                    }
                    lookup(class.as_ptr().cast(), &part)
                }
            }
        };
        // SAFETY: as above. A function is found in a class as it is, and so is what is no descriptor.
        unsafe {
            let found = Ref::from_nullable(found)?;
            if place.is_some()
                && !found.is_exactly(&raw mut PyFunction_Type)
                && (*found.type_ptr()).tp_descr_get.is_some()
            {
                return None;
            }
        }
        place = Some(found);
    }
    Some(place == Some(object.as_ptr()))
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
