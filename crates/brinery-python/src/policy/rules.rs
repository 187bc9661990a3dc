//! A policy, and what its loads have found out about the classes that it grants.

use super::forms::{Arguments, Key};
use super::functions::mask;
use crate::ffi::api::*;
use crate::ffi::text::{self, Utf8};
use crate::ffi::{Owned, Raised, Ref, Result, capsule, error};
use crate::load::{Builder, Guarded, Nature};
use brinery::policy::{Capability, JUDGED_BY_ARGUMENTS, Policy, State, Uses, is_pure};
use brinery::value::modern_names;
use std::ffi::CStr;
use std::ops::Deref;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// A policy in the hands of Python code.
pub(super) struct Rules {
    policy: Policy,
    /// The globals that streams have named.
    judged: Guarded<Met>,
    /// The names of globals that shapes and streams have.
    names: Guarded<Vec<(Box<str>, Box<str>)>>,
}

/// The globals that streams have named. There are no more of them than the policy grants, and none goes before it does: each
/// has its place in memory for as long as the rules.
#[derive(Default)]
struct Met {
    #[expect(clippy::vec_box, reason = "each has a place of its own, whatever becomes of the vector")]
    all: Vec<Box<Judged<'static>>>,
    /// One more than their places among all, by what their names are hashed to; at least half of it is zero.
    table: Vec<u32>,
}

impl Met {
    #[inline]
    fn find(&self, names: [&str; 2], old: bool) -> Option<&Judged<'static>> {
        let mut slot = hash(names);
        loop {
            let place = *self.table.get(slot & self.table.len().wrapping_sub(1))? as usize;
            let known = &**self.all.get(place.wrapping_sub(1))?;
            if known.is_named(names, old) {
                return Some(known);
            }
            slot += 1;
        }
    }

    fn add(&mut self, judged: Box<Judged<'static>>) {
        self.all.push(judged);
        if self.table.len() < 2 * self.all.len() {
            self.table = vec![0; (4 * self.all.len()).next_power_of_two()];
            (0..self.all.len()).for_each(|place| self.note(place));
        } else {
            self.note(self.all.len() - 1);
        }
    }

    fn note(&mut self, place: usize) {
        let mask = self.table.len() - 1;
        let mut slot = hash(self.all[place].raw.each_ref().map(|name| &**name)) & mask;
        while self.table[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.table[slot] = place as u32 + 1;
    }
}

/// A hash of names. Only those that a policy grants are put into a table by it.
#[inline(always)]
fn hash(names: [&str; 2]) -> usize {
    let mut hash = 0u64;
    for name in names {
        let (words, rest) = name.as_bytes().as_chunks::<8>();
        let last = rest.iter().fold(name.len() as u64, |last, &byte| last << 8 | u64::from(byte));
        for word in words.iter().map(|&word| u64::from_le_bytes(word)).chain([last]) {
            hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
    (hash >> 32) as usize
}

/// A global of which the policy grants something.
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Judged<'p> {
    /// The names that a stream has for it, and whether they are those of Python 2.
    raw: [Box<str>; 2],
    old: bool,
    module: Name,
    name: Name,
    /// The class and the name in it, of a member of a class.
    member: Option<[Name; 2]>,
    pub(super) capability: &'p Capability,
    pub(super) key: Key,
    /// What the arguments of a call may be, and those of a construction, as far as they cannot become something else.
    pub(super) calls: Vec<Arguments<'p>>,
    pub(super) constructions: Vec<Arguments<'p>>,
    /// The class that was found to be what the policy takes it for, and its version. It may be gone, and is only compared: no
    /// version is given twice.
    class: AtomicPtr<PyObject>,
    version: AtomicU32,
    /// What was found out about this class.
    nature: Guarded<Found>,
    /// Whether it makes what may have a time zone, and whether it makes such, of known code.
    pub(super) is_zoned: bool,
    pub(super) is_zone: bool,
    /// Whether it may be called by whoever gets hold of it, if it is a value.
    pub(super) may_be_called_later: bool,
    /// Whether it is judged by what it is given.
    by_arguments: bool,
}

/// What was found out about the nature of a class.
#[derive(Clone, Copy)]
enum Found {
    Nothing,
    Nature(Option<Nature>),
}

/// What is granted of globals that streams name only to construct others by them.
static NOTHING: LazyLock<Capability> = LazyLock::new(Capability::default);

/// What does no more than is granted for the class or function that it is given, and the classes on which copyreg builds.
const HELPERS: [(&str, &str); 6] = [
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("builtins", "object"),
    ("builtins", "tuple"),
    ("builtins", "getattr"),
    ("functools", "partial"),
];

/// A name as text, and as the object that dicts are asked for.
struct Name {
    text: Box<str>,
    object: Owned,
}

impl capsule::Held for Rules {
    const NAME: &'static CStr = c"brinery.policy";
}

impl Deref for Rules {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

impl Rules {
    pub(super) fn new(policy: Policy) -> Self {
        Rules { policy, judged: Guarded::new(Met::default()), names: Guarded::new(Vec::new()) }
    }

    /// What is granted of a global, if anything is. Both names, which may be those of Python 2, are exact texts.
    pub(super) fn judged<'a>(&'a self, module: Ref<'_>, name: Ref<'_>, old: bool) -> Option<&'a Judged<'a>> {
        let names = [plain_text(module)?, plain_text(name)?];
        // SAFETY: comparing texts runs no Python code; what is found lives as long as the rules.
        let found = unsafe {
            self.judged
                .with(|met| met.find(names, old).map(|known| &*std::ptr::from_ref::<Judged<'a>>(known)))
        };
        found.or_else(|| self.meet(names, old))
    }

    /// The place of these names.
    fn key(&self, module: &str, name: &str) -> Key {
        // SAFETY: comparing texts and adding to a vector runs no Python code.
        unsafe {
            self.names.with(|names| {
                let known = names.iter().position(|known| *known.0 == *module && *known.1 == *name);
                known.unwrap_or_else(|| {
                    names.push((module.into(), name.into()));
                    names.len() - 1
                })
            })
        }
    }

    #[cold]
    fn meet<'a>(&'a self, raw: [&str; 2], old: bool) -> Option<&'a Judged<'a>> {
        let [module, name] = raw;
        let (module, name) =
            if old { modern_names(module, name) } else { (module.to_owned(), name.to_owned()) };
        let capability = match self.policy.get(&module, &name) {
            // SAFETY: a policy never changes, and this one lives as long as what is noted beside it.
            Some(capability) => unsafe { &*std::ptr::from_ref(capability) },
            None => HELPERS.contains(&(&*module, &*name)).then(|| &*NOTHING)?,
        };
        let new = || -> Result<Judged<'static>> {
            Ok(Judged {
                raw: raw.map(Into::into),
                old,
                module: Name::new(&module)?,
                name: Name::new(&name)?,
                member: match name.split_once('.') {
                    Some((class, member)) => Some([Name::new(class)?, Name::new(member)?]),
                    None => None,
                },
                capability,
                key: self.key(&module, &name),
                calls: Arguments::all(capability.call.as_ref(), &mut |module, name| self.key(module, name)),
                constructions: Arguments::all(capability.construct.as_ref(), &mut |module, name| {
                    self.key(module, name)
                }),
                class: AtomicPtr::new(std::ptr::null_mut()),
                version: AtomicU32::new(0),
                nature: Guarded::new(Found::Nothing),
                may_be_called_later: capability.is_value_anywhere()
                    && (is_pure(&module, &name) || capability.may_be_called_later()),
                by_arguments: JUDGED_BY_ARGUMENTS.contains(&(&*module, &*name)),
                is_zoned: module == "datetime" && ["datetime", "time"].contains(&&*name),
                is_zone: [("datetime", "timezone"), ("zoneinfo", "ZoneInfo")].contains(&(&*module, &*name)),
            })
        };
        let judged = Box::new(new().inspect_err(|_| error::clear()).ok()?);
        // SAFETY: adding to a vector runs no Python code; what is in the box stays where it is.
        Some(unsafe {
            self.judged.with(|met| {
                met.add(judged);
                &*std::ptr::from_ref::<Judged<'a>>(&met.all[met.all.len() - 1])
            })
        })
    }
}

impl Judged<'_> {
    /// Whether this is the global of these names.
    #[inline]
    fn is_named(&self, names: [&str; 2], old: bool) -> bool {
        *self.raw[1] == *names[1] && *self.raw[0] == *names[0] && self.old == old
    }

    /// The same for names as a shape has them.
    #[inline]
    pub(super) fn is_called(&self, module: &str, name: &str) -> bool {
        *self.name.text == *name && *self.module.text == *module
    }

    /// The names of a member of this class.
    pub(super) fn member(&self, name: &str) -> Result<[Owned; 2]> {
        Ok([Owned::str(&self.module.text)?, Owned::str(&format!("{}.{name}", self.name.text))?])
    }

    /// Whether the forms of arguments are all that there is to be judged of a call or of a construction.
    pub(super) fn is_judged_by_forms(&self) -> bool {
        !self.by_arguments && self.capability.native.is_none()
    }

    /// What the module has under the name, if it has been imported and the object is simply there.
    pub(super) fn object(&self) -> Option<Owned> {
        // SAFETY: dicts are asked for texts, whose hash and comparison run no code; a module has a dict.
        let found = unsafe {
            let modules = Ref::from_nullable(PyImport_GetModuleDict())?;
            if !modules.is_exactly(&raw mut PyDict_Type) {
                return None;
            }
            let module = self.module.within(modules)?;
            if !module.is_exactly(&raw mut PyModule_Type) {
                return None;
            }
            let dict = Ref::new(PyModule_GetDict(module.as_ptr()));
            if let Some(member) = self.member.as_ref().filter(|_| self.capability.inert) {
                let class = member[0].within(dict)?;
                // Of such a class a member is asked without code but that of the interpreter and the class's own.
                let plain = class.is_exactly(&raw mut PyType_Type);
                let found = class.to_owned();
                let found = plain.then(|| found.getattr(member[1].object.as_ref()));
                error::clear();
                return found?.ok();
            }
            self.name.within(dict)
        };
        found.map(Ref::to_owned)
    }

    /// Whether a function is what the policy takes it for.
    pub(super) fn is_function_as_granted(&self, function: Ref<'_>) -> bool {
        if self.capability.construct.is_some() {
            return false;
        }
        if function.is_exactly(&raw mut PyCFunction_Type) {
            return true;
        }
        if !function.is_exactly(&raw mut PyFunction_Type) {
            return false;
        }
        if !self.capability.value && self.capability.call.is_none() {
            return true;
        }
        // SAFETY: a function is asked for its module, which it holds.
        let home = unsafe { Ref::from_nullable(PyFunction_GetModule(function.as_ptr())) };
        match home.and_then(plain_text) {
            Some(home) => home == "builtins" || package(home) == package(&self.module.text),
            None => false,
        }
    }

    /// Whether a class is what the policy takes it for. Python code is asked once for each class, as long as nothing
    /// about it changes.
    pub(super) fn is_as_granted(&self, builder: &mut Builder<'_>, class: Ref<'_>) -> Result<bool> {
        let version = builder.class_version(class);
        if version != 0
            && self.version.load(Ordering::Relaxed) == version
            && self.class.load(Ordering::Relaxed) == class.as_ptr()
        {
            return Ok(true);
        }
        let uses = Uses {
            value: self.capability.value,
            construct: self.capability.construct.is_some(),
            call: self.capability.call.is_some(),
            attributes: matches!(self.capability.state, State::Attributes(_)),
            setstate: matches!(self.capability.state, State::SetState(_)),
            finalize: self.capability.may_finalize(),
            ..Uses::default()
        };
        match resolver()
            .and_then(|resolver| resolve(resolver.as_ref(), &self.module.text, &self.name.text, uses))
        {
            Ok(resolved) if resolved.is(class) => {
                if version != 0 && builder.class_version(class) == version {
                    self.nature.replace(Found::Nothing);
                    self.class.store(class.as_ptr(), Ordering::Relaxed);
                    self.version.store(version, Ordering::Relaxed);
                }
                Ok(true)
            }
            Err(Raised) if error::is_exit() => Err(Raised),
            _ => {
                error::clear();
                Ok(false)
            }
        }
    }

    /// The nature of a class that [is as granted](Self::is_as_granted). It is found out once, as long as nothing about the class
    /// changes, or about its own class.
    pub(super) fn nature(&self, builder: &mut Builder<'_>, class: Ref<'_>) -> Option<Nature> {
        let is_kept = class.is_exactly(&raw mut PyType_Type)
            && self.class.load(Ordering::Relaxed) == class.as_ptr()
            && self.version.load(Ordering::Relaxed) == builder.class_version(class);
        if !is_kept {
            return builder.nature(class);
        }
        // SAFETY: copying a value runs no Python code.
        if let Found::Nature(nature) = unsafe { self.nature.with(|found| *found) } {
            return nature;
        }
        let nature = builder.nature(class);
        self.nature.replace(Found::Nature(nature));
        nature
    }
}

impl Name {
    fn new(text: &str) -> Result<Self> {
        Ok(Name { text: text.into(), object: Owned::interned(text)? })
    }

    /// What a dict has under the name.
    ///
    /// # Safety
    ///
    /// It is a dict; the result is borrowed from it.
    unsafe fn within<'a>(&self, dict: Ref<'a>) -> Option<Ref<'a>> {
        // SAFETY: by contract.
        unsafe {
            let found = Ref::from_nullable(PyDict_GetItemWithError(dict.as_ptr(), self.object.as_ptr()));
            if found.is_none() {
                error::clear();
            }
            found
        }
    }
}

/// A text that is known exactly: none with surrogates.
pub(super) fn plain_text(object: Ref<'_>) -> Option<&str> {
    if !object.is_exactly(&raw mut PyUnicode_Type) {
        return None;
    }
    let utf8 = match text::ascii(object) {
        Some(ascii) => ascii,
        None => match text::utf8(object).ok()? {
            Utf8::Shared(text) => text,
            Utf8::Encoded(_) => return None,
        },
    };
    // SAFETY: it is ASCII, or what the interpreter has encoded without surrogates.
    Some(unsafe { str::from_utf8_unchecked(utf8) })
}

/// The outermost package of a module, be it written in C or not.
fn package(module: &str) -> &str {
    module.split('.').next().unwrap_or_default().trim_start_matches('_')
}

/// What finds the objects of globals unless a program has its own way.
#[cold]
pub(super) fn resolver() -> Result<Owned> {
    super::import_policy()?.getattr(Owned::str("_resolve")?.as_ref())
}

/// The object that a global stands for, if it is what its uses take it for.
#[cold]
pub(super) fn resolve(resolver: Ref<'_>, module: &str, name: &str, uses: Uses) -> Result<Owned> {
    let (module, name, uses) = (Owned::str(module)?, Owned::str(name)?, Owned::int(mask(uses))?);
    resolver.call(&[module.as_ref(), name.as_ref(), uses.as_ref()])
}
