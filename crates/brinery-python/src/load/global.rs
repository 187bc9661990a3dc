//! Classes and functions by name.

use super::host::Builder;
use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, check, error, text};
use crate::modules::import_is_builtin;
use crate::state::State;

unsafe extern "C" {
    fn PySys_Audit(event: *const std::ffi::c_char, format: *const std::ffi::c_char, ...) -> std::ffi::c_int;
}

/// Imports `module` and returns what has the name `name` in it.
pub(crate) fn find_class(
    state: &State,
    module: Ref<'_>,
    name: Ref<'_>,
    protocol: u8,
    fix_imports: bool,
) -> Result<Owned> {
    // SAFETY: the format takes two objects, which are alive.
    check(unsafe {
        PySys_Audit(c"pickle.find_class".as_ptr(), c"OO".as_ptr(), module.as_ptr(), name.as_ptr())
    })?;
    let (mut module, mut name) = (module.to_owned(), name.to_owned());
    if protocol < 3 && fix_imports {
        (module, name) = modern_names(state, module, name)?;
    }
    let module = import(state, module.as_ref())?;
    if protocol >= 4 { nested_attribute(&module, &name) } else { attribute(&module, &name) }
}

/// The module of this name, imported if it is not there yet.
fn import(state: &State, name: Ref<'_>) -> Result<Owned> {
    if let Some(module) = imported(state, name)? {
        return Ok(module);
    }
    // SAFETY: the name is alive; CPython checks that it is a str.
    unsafe { Owned::from_result(PyImport_Import(name.as_ptr())) }
}

/// The module of this name, if `__import__` would do no more than return it.
fn imported(state: &State, name: Ref<'_>) -> Result<Option<Owned>> {
    if !name.is_exactly(&raw mut PyUnicode_Type) || !import_is_builtin(state) {
        return Ok(None);
    }
    let Some(module) = loaded(name)? else { return Ok(None) };
    if let Some(end) = text::utf8(name)?.as_slice().iter().position(|&byte| byte == b'.') {
        // `__import__` looks for the outermost package too.
        let package = super::string::from_utf8(&text::utf8(name)?.as_slice()[..end])?;
        if loaded(package.as_ref())?.is_none() {
            return Ok(None);
        }
    }
    if !module.is_exactly(&raw mut PyModule_Type) {
        return Ok(None);
    }
    // Another thread may be executing the module.
    let spec = module.lookup_attr(state.names.__spec__.as_ref())?;
    let initializing = match spec {
        Some(spec) => spec.lookup_attr(state.names._initializing.as_ref())?,
        None => None,
    };
    // Without the attribute the import system itself takes a module for complete.
    let complete = initializing.map_or(Ok(true), |value| value.is_true().map(|busy| !busy))?;
    Ok(complete.then_some(module))
}

/// What `sys.modules` has under a name.
fn loaded(name: Ref<'_>) -> Result<Option<Owned>> {
    // SAFETY: the name is alive; the result is null or a new reference.
    match unsafe { Owned::from_nullable(PyImport_GetModule(name.as_ptr())) } {
        None if error::occurred() => Err(Raised),
        module => Ok(module),
    }
}

/// The names that Python 3 has for a global of Python 2.
fn modern_names(state: &State, module: Owned, name: Owned) -> Result<(Owned, Owned)> {
    let pair = Owned::tuple(&[module.as_ref(), name.as_ref()])?;
    if let Some(renamed) = dict_get(&state.compat.name_mapping_2to3, pair.as_ref())? {
        let [module, name] = pair_of(&renamed).ok_or_else(|| {
            let kind = renamed.type_name();
            error::runtime_error(&format!(
                "_compat_pickle.NAME_MAPPING values should be 2-tuples, not {kind}"
            ))
        })?;
        if !module.is_str() || !name.is_str() {
            let (module, name) = (module.type_name(), name.type_name());
            return Err(error::runtime_error(&format!(
                "_compat_pickle.NAME_MAPPING values should be pairs of str, not ({module}, {name})"
            )));
        }
        return Ok((module, name));
    }
    let Some(renamed) = dict_get(&state.compat.import_mapping_2to3, module.as_ref())? else {
        return Ok((module, name));
    };
    if !renamed.is_str() {
        let kind = renamed.type_name();
        return Err(error::runtime_error(&format!(
            "_compat_pickle.IMPORT_MAPPING values should be strings, not {kind}"
        )));
    }
    Ok((renamed, name))
}

/// `dict.get(key)`
fn dict_get(dict: &Owned, key: Ref<'_>) -> Result<Option<Owned>> {
    // SAFETY: the registries are dicts; the borrowed result becomes our own before anything else can run.
    let found = unsafe { Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr())) };
    match found {
        Some(found) => Ok(Some(found.to_owned())),
        None if error::occurred() => Err(Raised),
        None => Ok(None),
    }
}

/// The two items of a pair.
fn pair_of(object: &Owned) -> Option<[Owned; 2]> {
    // SAFETY: the size is asked of a tuple only, and its items are alive.
    unsafe {
        if !object.is_tuple() || PyTuple_GET_SIZE(object.as_ptr()) != 2 {
            return None;
        }
        Some([0, 1].map(|index| Ref::new(PyTuple_GET_ITEM(object.as_ptr(), index)).to_owned()))
    }
}

/// `object.name`
fn attribute(object: &Owned, name: &Owned) -> Result<Owned> {
    match object.lookup_attr(name.as_ref())? {
        Some(found) => Ok(found),
        None => Err(no_attribute("Can't get attribute", object, name)),
    }
}

/// `object.name` where dots in the name lead from class to class.
fn nested_attribute(object: &Owned, name: &Owned) -> Result<Owned> {
    if !name.is_str() {
        return Err(error::type_error(&format!("attribute name must be string, not '{}'", name.type_name())));
    }
    let path = text::utf8(name.as_ref())?;
    let path = path.as_slice();
    if !path.contains(&b'.') {
        return if path == b"<locals>" {
            Err(local_attribute(object, name))
        } else {
            attribute(object, name)
        };
    }
    if path.split(|&byte| byte == b'.').any(|part| part == b"<locals>") {
        return Err(local_attribute(object, name));
    }
    let mut found = object.clone();
    for part in path.split(|&byte| byte == b'.') {
        // The name may have lone surrogates, whose parts decode as the whole encoded.
        let part_name = super::string::from_utf8(part)?;
        let inner = match found.lookup_attr(part_name.as_ref())? {
            Some(inner) => Some(inner),
            None => mangled_attribute(&found, part)?,
        };
        found = inner.ok_or_else(|| no_attribute("Can't get attribute", object, name))?;
    }
    Ok(found)
}

/// The private name `__name` of a class, which is not an attribute under the name that it has in the source.
///
/// CPython writes the qualified name of a private nested class, and cannot load what it wrote.
fn mangled_attribute(class: &Owned, name: &[u8]) -> Result<Option<Owned>> {
    if !class.is_type() || !name.starts_with(b"__") || name.ends_with(b"__") {
        return Ok(None);
    }
    let class_name = class.getattr(Owned::str("__name__")?.as_ref())?.text();
    let stem = class_name.trim_start_matches('_');
    if stem.is_empty() {
        return Ok(None);
    }
    let mangled = [b"_", stem.as_bytes(), name].concat();
    class.lookup_attr(super::string::from_utf8(&mangled)?.as_ref())
}

#[cold]
fn local_attribute(object: &Owned, name: &Owned) -> Raised {
    let what = if cfg!(Py_3_13) { "Can't get local attribute" } else { "Can't pickle local attribute" };
    no_attribute(what, object, name)
}

#[cold]
fn no_attribute(what: &str, object: &Owned, name: &Owned) -> Raised {
    let (name, object) = (name.repr_text(), object.repr_text());
    error::attribute_error(&format!("{what} {name} on {object}"))
}

impl Builder<'_> {
    /// The global that a stream names.
    pub(super) fn find(&mut self, module: Ref<'_>, name: Ref<'_>) -> Result<Owned> {
        match self.hooks.find_class {
            None => {
                let (protocol, fix_imports) = (self.hooks.protocol(), self.hooks.fix_imports());
                self.pause.interrupt(|| find_class(self.state, module, name, protocol, fix_imports))
            }
            Some(unpickler) => self
                .pause
                .interrupt(|| unpickler.getattr(self.state.names.find_class.as_ref())?.call(&[module, name])),
        }
    }

    /// The global with an extension code.
    pub(super) fn find_extension(&mut self, code: u32) -> Result<Owned> {
        let copyreg = &self.state.copyreg;
        let key = Owned::int(code.into())?;
        if let Some(cached) = dict_get(&copyreg.extension_cache, key.as_ref())? {
            return Ok(cached);
        }
        let Some(pair) = dict_get(&copyreg.inverted_registry, key.as_ref())? else {
            return Err(error::value_error(&format!("unregistered extension code {code}")));
        };
        let names = pair_of(&pair).filter(|[module, name]| module.is_str() && name.is_str());
        let Some([module, name]) = names else {
            return Err(error::value_error(&format!(
                "_inverted_registry[{code}] isn't a 2-tuple of strings"
            )));
        };
        let found = self.find(module.as_ref(), name.as_ref())?;
        let cache = &copyreg.extension_cache;
        // SAFETY: the cache is a dict, key and value are alive.
        check(unsafe { PyDict_SetItem(cache.as_ptr(), key.as_ptr(), found.as_ptr()) })?;
        Ok(found)
    }
}
