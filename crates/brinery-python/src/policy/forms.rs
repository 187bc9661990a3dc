//! The shapes of arguments in the form in which objects are compared with them.

use crate::ffi::api::*;
use crate::load::Take;
use brinery::policy::{Form as TextForm, Shape};

/// What the arguments of a call may be, by position.
pub(super) enum Arguments<'p> {
    /// Whatever the stream may make.
    Any,
    /// Any number of these.
    Each(Form<'p>),
    /// These.
    These(These<'p>),
}

/// What so many arguments may be.
pub(super) struct These<'p> {
    pub(super) forms: Vec<Form<'p>>,
    /// How much memory copies take at most of all those whose forms say that, and the places of the others.
    pub(super) most: u64,
    pub(super) open: Vec<usize>,
    /// Those that may lose their shapes again, by their places.
    pub(super) fragile: Vec<(usize, &'p Shape)>,
}

/// What an object may be.
#[derive(Clone)]
pub(super) enum Form<'p> {
    Any,
    None,
    /// Of exactly this builtin class.
    Exactly(*mut PyTypeObject),
    /// Bytes of so many.
    Bytes(usize, usize),
    /// An `int` from one to the other.
    Int(i64, i64),
    /// The empty tuple.
    Empty,
    /// Text of a shape.
    Text(&'p Shape),
    /// Made of one of these globals.
    Made(Vec<Key>),
    /// One of these globals.
    Global(Vec<Key>),
    /// One or the other.
    Either(Vec<Form<'p>>),
    /// What the shape says.
    Other(&'p Shape),
}

/// A global by the place of its names among all that a policy's shapes and streams have.
pub(super) type Key = usize;

/// Bytes up to this length are counted as of this length.
const SMALL: usize = 256;

/// How many ways there may be to take one argument or another before they are told apart argument by argument.
const WAYS: usize = 8;

impl<'p> Arguments<'p> {
    /// The alternatives of a shape of arguments. `key` finds globals by their names.
    pub(super) fn all(shape: Option<&'p Shape>, key: &mut dyn FnMut(&str, &str) -> Key) -> Vec<Self> {
        let shapes = match shape {
            None => &[],
            Some(Shape::Union(shapes)) => shapes.as_slice(),
            Some(shape) => std::slice::from_ref(shape),
        };
        shapes.iter().flat_map(|shape| Self::new(shape, key)).collect()
    }

    /// Whether there may be no arguments, which are nothing to look at.
    pub(super) fn may_be_none(&self) -> bool {
        match self {
            Arguments::Any | Arguments::Each(_) => true,
            Arguments::These(These { forms, .. }) => forms.is_empty(),
        }
    }

    /// Whether all that a maker takes is among these.
    pub(super) fn cover(&self, takes: &[Take]) -> bool {
        match self {
            Arguments::Any => true,
            Arguments::Each(form) => takes.iter().all(|take| form.covers(*take)),
            Arguments::These(These { forms, .. }) => {
                forms.len() == takes.len() && forms.iter().zip(takes).all(|(form, take)| form.covers(*take))
            }
        }
    }

    fn new(shape: &'p Shape, key: &mut dyn FnMut(&str, &str) -> Key) -> Vec<Self> {
        match shape {
            Shape::Any => vec![Arguments::Any],
            Shape::Items(item) if !item.can_be_lost() => vec![Arguments::Each(Form::new(item, key))],
            Shape::Tuple(shapes) => {
                let forms: Vec<Form<'p>> = shapes.iter().map(|shape| Form::new(shape, key)).collect();
                let these = |forms: Vec<Form<'p>>| {
                    let most = forms.iter().filter_map(Form::most).sum();
                    let open = (0..forms.len()).filter(|&at| forms[at].most().is_none()).collect();
                    let fragile =
                        shapes.iter().enumerate().filter(|(_, shape)| shape.can_be_lost()).collect();
                    Arguments::These(These { forms, most, open, fragile })
                };
                ways(forms).into_iter().map(these).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// All ways to take one of the alternatives for each argument, if these are few.
fn ways(forms: Vec<Form<'_>>) -> Vec<Vec<Form<'_>>> {
    let alternatives = |form: &Form<'_>| if let Form::Either(forms) = form { forms.len() } else { 1 };
    if forms.iter().map(alternatives).product::<usize>() > WAYS {
        return vec![forms];
    }
    let mut ways = vec![Vec::new()];
    for form in forms {
        let forms = if let Form::Either(forms) = form { forms } else { vec![form] };
        ways = ways
            .iter()
            .flat_map(|way| forms.iter().map(|form| [way.as_slice(), std::slice::from_ref(form)].concat()))
            .collect();
    }
    ways
}

impl<'p> Form<'p> {
    fn new(shape: &'p Shape, key: &mut dyn FnMut(&str, &str) -> Key) -> Self {
        match shape {
            Shape::Any => Form::Any,
            Shape::None => Form::None,
            Shape::Bool(None) => Form::Exactly(&raw mut PyBool_Type),
            Shape::Int(None, None) => Form::Exactly(&raw mut PyLong_Type),
            Shape::Float => Form::Exactly(&raw mut PyFloat_Type),
            Shape::Text(0, usize::MAX) => Form::Exactly(&raw mut PyUnicode_Type),
            Shape::Bytes(low, high) => Form::Bytes(*low, *high),
            Shape::Int(low, high) => Form::Int(low.unwrap_or(i64::MIN), high.unwrap_or(i64::MAX)),
            Shape::Tuple(items) if items.is_empty() => Form::Empty,
            Shape::Text(..) | Shape::Form(_) | Shape::Literal(_) => Form::Text(shape),
            Shape::Made(module, name) => Form::Made(vec![key(module, name)]),
            Shape::Global(module, name) => Form::Global(vec![key(module, name)]),
            Shape::Union(shapes) => Self::either(shapes.iter().map(|shape| Form::new(shape, key))),
            shape => Form::Other(shape),
        }
    }

    /// One of these, with what is of one kind together, and first what is found out soonest.
    fn either(forms: impl Iterator<Item = Self>) -> Self {
        let (mut made, mut global, mut fast, mut slow) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for form in forms {
            match form {
                Form::Made(keys) => made.extend(keys),
                Form::Global(keys) => global.extend(keys),
                Form::Other(_) | Form::Either(_) | Form::Text(_) => slow.push(form),
                _ => fast.push(form),
            }
        }
        fast.extend((!made.is_empty()).then_some(Form::Made(made)));
        fast.extend((!global.is_empty()).then_some(Form::Global(global)));
        fast.extend(slow);
        if fast.len() == 1 { fast.remove(0) } else { Form::Either(fast) }
    }

    /// Whether all that a maker takes for an argument is of this form.
    fn covers(&self, take: Take) -> bool {
        let exactly = |kind| matches!(*self, Form::Exactly(one) if one == kind);
        match (self, take) {
            (Form::Any, _) => true,
            (Form::Either(forms), _) => forms.iter().any(|form| form.covers(take)),
            (Form::Bytes(low, high), Take::Bytes(len)) => (*low..=*high).contains(&len),
            (_, Take::Float) => exactly(&raw mut PyFloat_Type),
            (Form::Int(low, high), Take::Int(least, most)) => *low <= least && most <= *high,
            (_, Take::Int(..)) => exactly(&raw mut PyLong_Type),
            (Form::Text(shape), Take::Decimal) => matches!(shape, Shape::Form(TextForm::Decimal)),
            (_, Take::Decimal) => exactly(&raw mut PyUnicode_Type),
            (_, Take::Bytes(_)) => false,
        }
    }

    /// How much memory a copy of such an object takes at most, where that is little.
    fn most(&self) -> Option<u64> {
        match self {
            Form::None | Form::Int(..) | Form::Empty | Form::Made(_) | Form::Global(_) => Some(0),
            Form::Text(Shape::Text(_, most)) if *most <= SMALL => Some(4 * *most as u64),
            Form::Exactly(kind) => (*kind != &raw mut PyUnicode_Type).then_some(0),
            Form::Bytes(_, most) => (*most <= SMALL).then_some(*most as u64),
            Form::Either(forms) => {
                forms.iter().map(Form::most).try_fold(0, |most, form| Some(most.max(form?)))
            }
            Form::Any | Form::Text(_) | Form::Other(_) => None,
        }
    }
}
