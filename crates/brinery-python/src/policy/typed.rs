//! Whether a value is of an annotated type, all the way down.
//!
//! Annotations come as a list of nodes, which name each other by their place in it. What is said here is `yes` or nothing: `brinery._types`
//! knows the rules in full, and says what is wrong where.

use crate::ffi::api::*;
use crate::ffi::{Owned, Raised, Ref, Result, capsule, error, sequence};
#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
use crate::ffi::{instance::finds_own, layout::items};
#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
use crate::load::version_of;
use std::collections::HashMap;
use std::ffi::{CStr, c_int};
use std::sync::atomic::AtomicU32;
#[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
use std::sync::atomic::Ordering;

/// A type, and those it is made of.
pub(super) struct Type(Vec<Node>);

enum Node {
    /// Whatever there is.
    Any,
    /// A builtin class, exactly one of these, or of a class made from the last one, but no `bool`.
    Plain(Vec<Owned>),
    /// An instance of a class, in which nothing is looked at.
    Class(Owned),
    /// The same, but not of a class made from it.
    Exact(Owned),
    /// An instance of exactly this class, whose attributes are of these types.
    Fields(Fields),
    /// Exactly one of these builtin containers, of such items.
    Items(Vec<*mut PyTypeObject>, usize),
    /// A tuple of these.
    Tuple(Vec<usize>),
    /// A dict of such keys and values.
    Dict(usize, usize),
    /// One of these.
    Union(Vec<usize>),
    /// One of these values.
    Literal(Vec<Owned>),
    /// What is not known here.
    Unknown,
}

/// A class, and the types of attributes of its instances.
struct Fields {
    class: Owned,
    fields: Vec<(Owned, usize)>,
    /// Whether an instance can be looked at where it is met: there are few fields, and what they hold are single values or simple lists.
    flat: bool,
    /// The version of the class for which its instances were found to have these attributes themselves, if any.
    version: AtomicU32,
}

/// How many fields are looked at at once.
const MOST_FLAT_FIELDS: usize = 64;

/// What can be said of a value by itself.
enum Answer {
    Yes,
    /// Not certainly.
    No,
    /// If what is in it fits.
    Inside,
}

impl capsule::Held for Type {
    const NAME: &'static CStr = c"brinery.type";
}

/// Reads the nodes of a type: tuples of a word and what goes with it.
pub(super) fn compile(nodes: Ref<'_>) -> Result<Owned> {
    let mut compiled = all(nodes)?.into_iter().map(|node| read(node.as_ref())).collect::<Result<Vec<_>>>()?;
    let count = compiled.len();
    if !compiled.iter().all(|node| node.parts().iter().all(|&part| part < count)) || count == 0 {
        return Err(error::value_error("a node that is not there"));
    }
    let simple: Vec<bool> = compiled.iter().map(|node| node.is_single() || node.is_row(&compiled)).collect();
    for node in &mut compiled {
        if let Node::Fields(known) = node {
            known.flat =
                known.fields.len() <= MOST_FLAT_FIELDS && known.fields.iter().all(|field| simple[field.1]);
        }
    }
    capsule::new(Type(compiled))
}

/// Whether a value is certainly of a type.
pub(super) fn fits(compiled: Ref<'_>, value: Ref<'_>) -> Result<bool> {
    capsule::get::<Type>(compiled)?.fits(value)
}

fn all(items: Ref<'_>) -> Result<Vec<Owned>> {
    let iterator = items.iter()?;
    std::iter::from_fn(|| iterator.next().transpose()).collect()
}

fn place(number: &Owned) -> Result<usize> {
    // SAFETY: the object is alive; what is no number is an error.
    let place = unsafe { PyLong_AsSsize_t(number.as_ptr()) };
    if error::occurred() { Err(Raised) } else { Ok(usize::try_from(place).unwrap_or(usize::MAX)) }
}

fn places(numbers: &Owned) -> Result<Vec<usize>> {
    all(numbers.as_ref())?.iter().map(place).collect()
}

fn read(node: Ref<'_>) -> Result<Node> {
    let parts = all(node)?;
    let Some((word, parts)) = parts.split_first() else { return Err(error::value_error("an empty node")) };
    let list = &raw mut PyList_Type;
    let tuple = &raw mut PyTuple_Type;
    Ok(match (word.text().as_str(), parts) {
        ("any", []) => Node::Any,
        ("plain", [classes]) => Node::Plain(all(classes.as_ref())?),
        ("class", [class]) => Node::Class(class.clone()),
        ("exact", [class]) => Node::Exact(class.clone()),
        ("fields", [class, names, types]) => {
            let fields = all(names.as_ref())?.into_iter().zip(places(types)?).collect();
            Node::Fields(Fields { class: class.clone(), fields, flat: false, version: AtomicU32::new(0) })
        }
        ("list", [item]) => Node::Items(vec![list], place(item)?),
        ("sequence", [item]) => Node::Items(vec![list, tuple], place(item)?),
        ("items", [item]) => Node::Items(vec![tuple], place(item)?),
        ("set", [item]) => Node::Items(vec![&raw mut PySet_Type], place(item)?),
        ("frozenset", [item]) => Node::Items(vec![&raw mut PyFrozenSet_Type], place(item)?),
        ("tuple", [items]) => Node::Tuple(places(items)?),
        ("dict", [key, value]) => Node::Dict(place(key)?, place(value)?),
        ("union", [types]) => Node::Union(places(types)?),
        ("literal", [values]) => Node::Literal(all(values.as_ref())?),
        _ => Node::Unknown,
    })
}

impl Node {
    /// The nodes that this one names.
    fn parts(&self) -> Vec<usize> {
        match self {
            Node::Fields(known) => known.fields.iter().map(|field| field.1).collect(),
            Node::Items(_, item) => vec![*item],
            Node::Tuple(parts) | Node::Union(parts) => parts.clone(),
            Node::Dict(key, value) => vec![*key, *value],
            _ => Vec::new(),
        }
    }

    /// Whether the class of a value says all of it.
    fn is_single(&self) -> bool {
        matches!(self, Node::Any | Node::Plain(_) | Node::Class(_) | Node::Exact(_))
    }

    /// Whether this is a list or tuple of items of a builtin class.
    fn is_row(&self, nodes: &[Node]) -> bool {
        matches!(self, Node::Items(_, item) if matches!(nodes[*item], Node::Plain(_)))
    }
}

impl Type {
    fn fits(&self, value: Ref<'_>) -> Result<bool> {
        let mut todo: Vec<(Owned, usize)> = Vec::new();
        // Held, so that no other object gets the place of one of them.
        let mut seen: HashMap<(usize, usize), Owned> = HashMap::new();
        if !self.look(value, 0, &mut todo)? {
            return Ok(false);
        }
        while let Some((object, node)) = todo.pop() {
            // What holds itself is looked at once: whatever leads to it holds it, what is in it does, and so do we.
            let shared = object.as_ref().has_more_holders(2);
            if shared && seen.insert((object.as_ptr().addr(), node), object.clone()).is_some() {
                continue;
            }
            if !self.look_inside(object.as_ref(), node, &mut todo)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a value may be of a type; what it holds may remain to be looked at.
    #[inline(always)]
    fn look(&self, object: Ref<'_>, node: usize, todo: &mut Vec<(Owned, usize)>) -> Result<bool> {
        // Most values are of a builtin class that is meant.
        if let Node::Plain(classes) = &self.0[node]
            && classes.iter().any(|class| class.as_ptr() == object.type_ptr().cast())
        {
            return Ok(true);
        }
        self.look_closer(object, node, todo)
    }

    #[inline(never)]
    fn look_closer(&self, object: Ref<'_>, node: usize, todo: &mut Vec<(Owned, usize)>) -> Result<bool> {
        if let Node::Union(types) = &self.0[node] {
            let mut inside = Vec::new();
            for &alternative in types {
                match self.answer(object, alternative)? {
                    Answer::Yes => return Ok(true),
                    Answer::No => {}
                    Answer::Inside => inside.push(alternative),
                }
            }
            // Several could be meant.
            let &[alternative] = inside.as_slice() else { return Ok(false) };
            todo.push((object.to_owned(), alternative));
            return Ok(true);
        }
        Ok(match self.answer(object, node)? {
            Answer::Yes => true,
            Answer::No => false,
            Answer::Inside => {
                if !self.is_seen_through(object, node)? {
                    todo.push((object.to_owned(), node));
                }
                true
            }
        })
    }

    /// Whether all that a value holds was found to fit, where it is. No code runs, and nothing is looked at without end: what is shared
    /// is left to be looked at once.
    #[inline]
    fn is_seen_through(&self, object: Ref<'_>, node: usize) -> Result<bool> {
        if cfg!(Py_GIL_DISABLED) {
            return Ok(false);
        }
        match &self.0[node] {
            Node::Fields(known) if known.flat => {
                let mut rest = Vec::new();
                let found = self.look_at_array(object, known, &mut rest)?;
                Ok(found == Some(true) && rest.is_empty())
            }
            Node::Items(_, part) => {
                let Node::Plain(classes) = &self.0[*part] else { return Ok(false) };
                if object.has_more_holders(1) {
                    return Ok(false);
                }
                if ![&raw mut PyList_Type, &raw mut PyTuple_Type].contains(&object.type_ptr()) {
                    return Ok(false);
                }
                // SAFETY: an exact list or tuple holds its items, and no code runs.
                let items = unsafe { sequence::items(object) };
                // SAFETY: as above.
                let kind = |item: *mut PyObject| unsafe { Py_TYPE(item) }.cast();
                Ok(items.iter().all(|&item| classes.iter().any(|class| class.as_ptr() == kind(item))))
            }
            _ => Ok(false),
        }
    }

    #[inline]
    fn answer(&self, object: Ref<'_>, node: usize) -> Result<Answer> {
        let kind = object.type_ptr();
        let is = |class: &Owned| class.as_ptr() == kind.cast();
        let is_a = |class: &Owned| {
            // SAFETY: both are classes, and alive.
            is(class) || class.is_type() && unsafe { PyType_IsSubtype(kind, class.as_ptr().cast()) } != 0
        };
        let either = |yes: bool, then: Answer| if yes { then } else { Answer::No };
        Ok(match &self.0[node] {
            Node::Any => Answer::Yes,
            Node::Plain(classes) => {
                let exactly = classes.iter().any(is);
                let made_of = || kind != &raw mut PyBool_Type && classes.last().is_some_and(is_a);
                either(exactly || made_of(), Answer::Yes)
            }
            Node::Class(class) => either(is_a(class), Answer::Yes),
            Node::Exact(class) => either(is(class), Answer::Yes),
            Node::Fields(known) => either(is(&known.class), Answer::Inside),
            Node::Items(kinds, _) => either(kinds.contains(&kind), Answer::Inside),
            Node::Tuple(_) => either(kind == &raw mut PyTuple_Type, Answer::Inside),
            Node::Dict(..) => either(kind == &raw mut PyDict_Type, Answer::Inside),
            Node::Literal(values) => {
                let mut found = false;
                for value in values.iter().filter(|value| value.as_ref().type_ptr() == kind) {
                    // SAFETY: both are alive.
                    found |= match unsafe { PyObject_RichCompareBool(object.as_ptr(), value.as_ptr(), Py_EQ) }
                    {
                        -1 => return Err(Raised),
                        same => same == 1,
                    };
                }
                either(found, Answer::Yes)
            }
            Node::Union(_) | Node::Unknown => Answer::No,
        })
    }

    /// Looks at what a value holds.
    fn look_inside(&self, object: Ref<'_>, node: usize, todo: &mut Vec<(Owned, usize)>) -> Result<bool> {
        match &self.0[node] {
            Node::Fields(known) => {
                if let Some(fit) = self.look_at_array(object, known, todo)? {
                    return Ok(fit);
                }
                for (name, part) in &known.fields {
                    let Some(value) = object.lookup_attr(name.as_ref())? else { return Ok(false) };
                    if !self.look(value.as_ref(), *part, todo)? {
                        return Ok(false);
                    }
                }
            }
            Node::Tuple(parts) => {
                // SAFETY: sizes and items are asked of an exact tuple, which is held and never changes.
                unsafe {
                    if PyTuple_GET_SIZE(object.as_ptr()) as usize != parts.len() {
                        return Ok(false);
                    }
                    for (index, part) in parts.iter().enumerate() {
                        let item = Ref::new(PyTuple_GET_ITEM(object.as_ptr(), index as Py_ssize_t));
                        if !self.look(item, *part, todo)? {
                            return Ok(false);
                        }
                    }
                }
            }
            Node::Items(_, part) if matches!(self.0[*part], Node::Any) => {}
            Node::Items(_, part) => {
                let is_list = object.is_exactly(&raw mut PyList_Type);
                if !is_list && !object.is_exactly(&raw mut PyTuple_Type) {
                    return self.look_at_elements(object, *part, todo);
                }
                let (mut index, may_run_code) = (0, self.may_run_code(*part));
                // SAFETY: sizes and items are asked of an exact list or tuple; the item is held while it is looked at, if that may
                // run code.
                unsafe {
                    let size = |object: *mut PyObject| {
                        if is_list { PyList_GET_SIZE(object) } else { PyTuple_GET_SIZE(object) }
                    };
                    while index < size(object.as_ptr()) {
                        let item = Ref::new(if is_list {
                            PyList_GET_ITEM(object.as_ptr(), index)
                        } else {
                            PyTuple_GET_ITEM(object.as_ptr(), index)
                        });
                        let _held = may_run_code.then(|| item.to_owned());
                        if !self.look(item, *part, todo)? {
                            return Ok(false);
                        }
                        index += 1;
                    }
                }
            }
            Node::Dict(keys, values) => {
                let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
                // SAFETY: an exact dict; key and value are held while they are looked at.
                while unsafe {
                    PyDict_Next(object.as_ptr(), &raw mut position, &raw mut key, &raw mut value) as c_int
                } != 0
                {
                    // SAFETY: as above.
                    let (key, value) = unsafe { (Ref::new(key).to_owned(), Ref::new(value).to_owned()) };
                    if !self.look(key.as_ref(), *keys, todo)? || !self.look(value.as_ref(), *values, todo)? {
                        return Ok(false);
                    }
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Looks at the attributes of an instance that holds them in an array, in this order; `None` if it does not.
    #[cfg(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED)))]
    #[inline]
    fn look_at_array(
        &self,
        object: Ref<'_>,
        known: &Fields,
        todo: &mut Vec<(Owned, usize)>,
    ) -> Result<Option<bool>> {
        if known.fields.is_empty() {
            // Nothing is known of the class then, not even whether it keeps attributes.
            return Ok(Some(true));
        }
        let kind = object.type_ptr();
        // SAFETY: an instance keeps its class alive; that has the flag for dicts that the interpreter manages, as was found of this
        // version. The attributes are looked at without running code: comparing with literals, which may, is not done here.
        unsafe {
            let version = version_of(kind);
            if version == 0 || version != known.version.load(Ordering::Relaxed) {
                let is_own = |(name, part): &(Owned, usize)| {
                    finds_own(object.type_ref(), name.as_ref()) && !self.may_run_code(*part)
                };
                if version == 0 || !known.fields.iter().all(is_own) {
                    return Ok(None);
                }
                known.version.store(version, Ordering::Relaxed);
            }
            let items::Place::Array(array) = items::attributes(object) else { return Ok(None) };
            if array.len() < known.fields.len() as isize {
                return Ok(None);
            }
            for (position, (name, part)) in (0..).zip(&known.fields) {
                let (key, value) = array.get(position);
                if !key.is(name.as_ref()) {
                    return Ok(None);
                }
                if !self.look(value, *part, todo)? {
                    return Ok(Some(false));
                }
            }
            Ok(Some(true))
        }
    }

    #[cfg(not(all(Py_3_11, not(Py_3_14), not(Py_GIL_DISABLED))))]
    fn look_at_array(&self, _: Ref<'_>, _: &Fields, _: &mut [(Owned, usize)]) -> Result<Option<bool>> {
        Ok(None)
    }

    /// Whether to look at a value by itself may run code.
    fn may_run_code(&self, node: usize) -> bool {
        match &self.0[node] {
            Node::Literal(_) => true,
            Node::Union(types) => types.iter().any(|&node| matches!(self.0[node], Node::Literal(_))),
            _ => false,
        }
    }

    /// Looks at the elements of a set.
    fn look_at_elements(&self, set: Ref<'_>, part: usize, todo: &mut Vec<(Owned, usize)>) -> Result<bool> {
        for element in all(set)? {
            if !self.look(element.as_ref(), part, todo)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
