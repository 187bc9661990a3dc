//! States, attributes and items.

use super::calls::MOST_GRANTED;
use super::objects::{flat_size, is_exception, pairs_of};
use super::shapes::{class_of, has_all_arrays, has_all_ints};
use super::{Attribute, Direct, Role};
use crate::ffi::api::*;
use crate::ffi::layout::int;
use crate::ffi::{Ref, Result, sequence};
use crate::load::{Builder, Function, Maker, Nature, slots_of};
use crate::policy::nesting::is_bare;
use crate::policy::rules::plain_text;
use brinery::policy::{Native, Shape, State};

impl Direct<'_> {
    /// Whether an instance may be given these attributes, names and values in turn: if so, whether it holds objects then that may
    /// hold others.
    ///
    /// Where it is known that they hold no others these are not looked for.
    #[inline]
    pub(in crate::policy) fn state(
        &mut self,
        instance: Ref<'_>,
        items: &[Ref<'_>],
        are_bare: bool,
    ) -> Option<bool> {
        let index = self.find(instance.type_ptr().cast())?;
        if self.is_other(instance) || !self.pay(32 + 16 * items.len() as u64) {
            return None;
        }
        let known = &self.globals[index];
        match (&known.judged.capability.state, known.role) {
            (State::Attributes(_), Role::Class(Some(Nature::Instance))) => {}
            (State::Attributes(_), Role::Class(Some(Nature::Namespace))) => self.filled += 1,
            // Items may come only before attributes, which has to be seen by them.
            (State::Attributes(_), Role::Class(Some(Nature::Extension(_)))) if !items.is_empty() => {}
            (State::SetState(shape), Role::Class(Some(Nature::Uuid))) => {
                return self.uuid(index, shape, items).then_some(false);
            }
            _ => return None,
        }
        self.attributes(index, items, are_bare)
    }

    /// The same for objects of the global at this place, which may be given attributes.
    #[inline(always)]
    pub(super) fn attributes(&mut self, index: usize, items: &[Ref<'_>], are_bare: bool) -> Option<bool> {
        let (pairs, _) = items.as_chunks::<2>();
        let known = &self.globals[index];
        let (mut same, mut fit) = (known.row.len() == pairs.len(), known.has_classes);
        for (known, [name, value]) in known.row.iter().zip(pairs) {
            same &= known.name.is(*name);
            fit &= known.class.is_none_or(|class| value.type_ptr() == class);
        }
        if !same && !self.learn(index, items) {
            return None;
        }
        let holds = !are_bare && pairs.iter().any(|[_, value]| !is_bare(value.as_ptr()));
        if holds && !self.are_free(pairs.iter().map(|[_, value]| *value)) {
            return None;
        }
        if !(same && fit) && self.globals[index].has_shapes {
            self.has_shapes(index, pairs)?;
        }
        Some(holds)
    }

    /// Whether attributes have the shapes that they must have.
    pub(super) fn has_shapes(&mut self, index: usize, pairs: &[[Ref<'_>; 2]]) -> Option<()> {
        for (attribute, [_, value]) in self.globals[index].row.iter().zip(pairs) {
            let Some(shape) = attribute.shape else { continue };
            if !self.fits(shape, *value) {
                return None;
            }
            if attribute.can_be_lost {
                self.obligations.push(((*value).to_owned(), shape));
            }
        }
        Some(())
    }

    /// The same for attributes in a dict, which may be the second of a pair, those that live in slots; the nature of the instance.
    pub(in crate::policy) fn build(&mut self, instance: Ref<'_>, state: Ref<'_>) -> Option<Nature> {
        let Role::Class(nature) = self.globals[self.find(instance.type_ptr().cast())?].role else {
            return None;
        };
        let slots = slots_of(state);
        let state = slots.unwrap_or(state);
        if !state.is_exactly(&raw mut PyDict_Type)
            || slots.is_some() && !matches!(nature, Some(Nature::Instance | Nature::Uuid))
        {
            return None;
        }
        nature.filter(|_| self.state(instance, &pairs_of(state), false).is_some())
    }

    /// Gives an object a state that is more than attributes, if that is granted and runs no code, and says whether it may hold
    /// other objects now.
    pub(in crate::policy) fn set_native(
        &mut self,
        builder: &mut Builder<'_>,
        object: Ref<'_>,
        state: Ref<'_>,
    ) -> Option<Result<bool>> {
        if !state.is_exactly(&raw mut PyTuple_Type) || !self.is_free(state) || self.is_other(object) {
            return None;
        }
        // SAFETY: it is a tuple.
        let parts = unsafe { sequence::items_of_tuple(state) };
        let size = parts.iter().fold(64, |sum, part| sum + flat_size(*part));
        if !self.pay(size) {
            return None;
        }
        if let Some(index) = self.find(object.type_ptr().cast())
            && matches!(self.globals[index].role, Role::Class(Some(Nature::Partial)))
        {
            let &[function, args, keywords, attributes] = parts else { return None };
            let exact = |object: Ref<'_>, kind: *mut PyTypeObject| object.is_exactly(kind);
            // SAFETY: a size is asked of a dict.
            let is_empty = |dict: Ref<'_>| unsafe { PyDict_Size(dict.as_ptr()) } == 0;
            let fits = exact(args, &raw mut PyTuple_Type)
                && (keywords.is_none() || exact(keywords, &raw mut PyDict_Type))
                && (attributes.is_none() || exact(attributes, &raw mut PyDict_Type) && is_empty(attributes))
                && self.may_be_called_later(function);
            return if fits { Some(builder.set_partial(object, state)?.map(|()| true)) } else { None };
        }
        if !self.lacks_state(object.as_ptr().addr()) {
            return None;
        }
        // What it was made by: no array is a dtype.
        let makers = self.globals.iter().enumerate();
        let makers = makers.filter(|(_, known)| known.product.is_some_and(|product| product.has(object)));
        let mut makers = makers.filter(|(_, known)| match known.role {
            Role::Class(nature) => nature == Some(Nature::Dtype),
            Role::Function(function) => function == Some(Function::Numpy(Maker::Empty)),
        });
        let (Some((index, maker)), None) = (makers.next(), makers.next()) else { return None };
        let (judged, is_dtype) = (maker.judged, matches!(maker.role, Role::Class(_)));
        let again = matches!(parts, [_, _, dtype, _, _] if maker.dtypes.iter().any(|known| known.is(*dtype)));
        let judge = if is_dtype { Native::Dtype } else { Native::Array };
        let State::SetState(shape) = &judged.capability.state else { return None };
        if !again && (judged.capability.native != Some(judge) || !self.fits(shape, state)) {
            return None;
        }
        let dtypes = &mut self.globals[index].dtypes;
        if let [_, _, dtype, _, _] = parts
            && !again
            && !is_dtype
            && dtypes.len() < MOST_GRANTED
            && has_all_arrays(shape)
        {
            dtypes.push((*dtype).to_owned());
        }
        if !is_dtype && parts.get(2).is_none_or(|dtype| self.is_open(*dtype)) {
            return None;
        }
        if is_dtype {
            let done = builder.set_dtype_inertly(object, state, &|dtype| self.is_open(dtype))?;
            if let Some(fields) = parts.get(4).filter(|fields| fields.is_exactly(&raw mut PyDict_Type)) {
                self.locked.get_or_insert_default().insert(fields.as_ptr().addr(), (*fields).to_owned());
            }
            if let Some(unit) = parts.get(8).filter(|unit| unit.is_exactly(&raw mut PyTuple_Type)) {
                // SAFETY: it is a tuple.
                let dicts = unsafe { sequence::items_of_tuple(*unit) }.iter();
                self.empty.extend(
                    dicts.filter(|dict| dict.is_exactly(&raw mut PyDict_Type)).map(|dict| (*dict).to_owned()),
                );
            }
            return Some(done.map(|()| false));
        }
        let done = builder.set_array_inertly(object, state)?;
        self.is_opaque |= matches!(done, Ok(true));
        Some(done)
    }

    /// Whether an array that this maker has made may have a state of this dtype, of so many bytes, as one before had. If not that says
    /// nothing.
    pub(in crate::policy) fn grants_array_again(
        &mut self,
        maker: Ref<'_>,
        dtype: Ref<'_>,
        size: usize,
    ) -> bool {
        let Some(index) = self.find(maker.as_ptr()) else { return false };
        self.globals[index].dtypes.iter().any(|known| known.is(dtype))
            && !self.is_open(dtype)
            && self.pay(64 + size as u64)
    }

    /// Finds out what attributes of these names may be.
    #[cold]
    pub(super) fn learn(&mut self, index: usize, items: &[Ref<'_>]) -> bool {
        let known = &mut self.globals[index];
        let State::Attributes(fields) = &known.judged.capability.state else { return false };
        self.names.extend(known.row.drain(..).map(|attribute| attribute.name));
        for pair in items.chunks_exact(2) {
            let Some(name) = plain_text(pair[0]) else { return false };
            let special = name.starts_with("__") && name.ends_with("__");
            let shape = fields.as_ref().map(|fields| fields.get(name).or_else(|| fields.get("*")));
            // An exception makes a tuple of its arguments, whatever that takes.
            let arguments = name == "args" && is_exception(known.object.as_ref());
            if special || arguments || shape == Some(None) {
                return false;
            }
            let shape = shape.flatten().filter(|shape| **shape != Shape::Any);
            let can_be_lost = shape.is_some_and(Shape::can_be_lost);
            let class = shape.and_then(class_of);
            known.row.push(Attribute { name: pair[0].to_owned(), shape, class, can_be_lost });
        }
        known.has_shapes = known.row.iter().any(|attribute| attribute.shape.is_some());
        known.has_classes =
            known.row.iter().all(|attribute| attribute.shape.is_some() == attribute.class.is_some());
        true
    }

    /// Whether this is the state of a `uuid.UUID`.
    pub(super) fn uuid(&mut self, index: usize, shape: &Shape, items: &[Ref<'_>]) -> bool {
        let (Shape::Dict(keys, values), &[key, value]) = (shape, items) else { return false };
        if !value.is_exactly(&raw mut PyLong_Type)
            || !int::is_unsigned(value, 128)
            || !has_all_ints(values) && !self.fits(values, value)
        {
            return false;
        }
        let row = &self.globals[index].row;
        if row.first().is_some_and(|known| known.name.is(key)) {
            return true;
        }
        let fits = plain_text(key).is_some_and(|name| name == "int") && self.fits(keys, key);
        if fits && row.is_empty() {
            let name = Attribute { name: key.to_owned(), shape: None, class: None, can_be_lost: false };
            self.globals[index].row.push(name);
        }
        fits
    }

    /// The nature of a container that may be extended by these items.
    pub(in crate::policy) fn extend(&mut self, container: Ref<'_>, items: &[Ref<'_>]) -> Option<Nature> {
        let known =
            &self.globals[self.find(container.type_ptr().cast()).filter(|_| !self.is_other(container))?];
        let Role::Class(nature @ Some(Nature::Container | Nature::Extension(_))) = known.role else {
            return None;
        };
        let granted = match &known.judged.capability.extend {
            Some(Shape::Any) => true,
            Some(shape) if !shape.can_be_lost() => items.iter().all(|item| self.fits(shape, *item)),
            _ => false,
        };
        nature.filter(|_| granted)
    }
}
