//! Calls whose arguments stand on the stack.
//!
//! A stream makes a tuple of the arguments, stores it in the memo and calls something with it. Where nothing fetches the tuple it
//! need not be made: what is known to need no tuple gets the arguments as they stand there, and so does what takes
//! them side by side.

use super::host::Builder;
use super::instance::{exception_without_init, initialized};
use super::native::Native;
use super::numpy::ArrayAhead;
use super::spare::Aids;
use crate::ffi::api::*;
use crate::ffi::function::native_name;
use crate::ffi::layout::Layout;
use crate::ffi::object::borrowed;
use crate::ffi::vectorcall::PyObject_Vectorcall;
use crate::ffi::{Owned, Raised, Ref, Result, tuple};
use brinery::read::{Call, Items, Made, Stored};
use std::ptr;

impl Builder<'_> {
    /// What a call of the object below the items comes to, if it can be made without a tuple.
    #[inline(always)]
    pub(super) fn call_with_items(
        &mut self,
        items: Items<'_, Owned>,
        call: Call,
        stored: Stored,
        may_run_code: bool,
    ) -> Option<Result<Owned>> {
        let layout = self.layout?;
        let selective = self.memos.is_selective();
        if !self.spares_tuple(stored) {
            return None;
        }
        let callable = items.container().as_ref();
        if callable.as_ptr() == self.needs_tuple {
            if !selective || !may_run_code || call != Call::Reduce {
                return None;
            }
            if stored != Stored::No {
                self.memos.spend_next();
            }
            return Some(self.call_with_spare_tuple(items, layout));
        }
        if callable.is_type() {
            let kind = callable.as_ptr().cast();
            let args = borrowed(items.as_slice());
            let Aids { classes, nursery, .. } = &mut *self.aids;
            // SAFETY: the class is alive, and what is known of it is known of this class.
            let (made, spend, keeps) = unsafe {
                let native = &classes.get(kind, self.state, layout)?.native;
                let made = match call {
                    Call::Reduce => native.make(layout, &self.heap, nursery, kind, args),
                    Call::New => native.new_object(kind, args),
                };
                (made, native.has_own_arguments(), native.keeps_arguments())
            };
            if made.is_some() {
                if !keeps {
                    self.memos.release(items.as_slice(), spend);
                }
                if stored != Stored::No {
                    self.memos.spend_next();
                }
                return made;
            }
        }
        if call != Call::Reduce {
            return None;
        }
        if let Some(made) = self.aids.numpy.call(callable, borrowed(items.as_slice())) {
            self.memos.release(items.as_slice(), true);
            if stored != Stored::No {
                self.memos.spend_next();
            }
            return Some(made);
        }
        if !selective || !may_run_code {
            return None;
        }
        let asked = callable.as_ptr();
        let Some(made) = self.call_side_by_side(items) else {
            // Most likely the next call is the same.
            self.needs_tuple = asked;
            return None;
        };
        if stored != Stored::No {
            self.memos.spend_next();
        }
        Some(made)
    }

    /// The same for what `make` makes of the items, which runs no code.
    pub(crate) fn call_known(
        &mut self,
        items: &Items<'_, Owned>,
        stored: Stored,
        make: impl FnOnce(&mut Self, &[Ref<'_>]) -> Option<Result<Owned>>,
    ) -> Option<Result<Owned>> {
        if !self.spares_tuple(stored) {
            return None;
        }
        let made = make(self, borrowed(items.as_slice()))?;
        self.memos.release(items.as_slice(), false);
        if stored != Stored::No {
            self.memos.spend_next();
        }
        Some(made)
    }

    /// The array that a call makes of the items, with the state that the opcodes ahead give it. `admit` says whether the dtype may be
    /// that of such a state, which copies so many bytes.
    pub(crate) fn array_ahead(
        &mut self,
        items: &Items<'_, Owned>,
        ahead: &[u8],
        admit: impl FnOnce(Ref<'_>, usize) -> bool,
    ) -> Option<Result<Made<Owned>>> {
        let array = ArrayAhead::read(ahead)?;
        self.layout?;
        // The arguments, then the array itself, and what its state is made of.
        let spent = [0, 2, 3, 1 + array.stored_after()];
        let spends = |&places: &usize| self.memos.may_spend_after(places, &self.aids.fetches);
        if self.deferred.is_some() || !spent.iter().all(spends) {
            return None;
        }
        let function = items.container().as_ref();
        let args = borrowed(items.as_slice());
        if native_name(function) != Some(c"_reconstruct") {
            return None;
        }
        let dtype = self.memos.get(array.dtype)?;
        if !admit(dtype.as_ref(), array.size()) {
            return None;
        }
        let made = self.aids.numpy.array_ahead(function, args, dtype.as_ref(), &array)?;
        self.memos.release(items.as_slice(), false);
        Some(made.inspect(|made| {
            self.memos.spend_next();
            self.memos.memoize(made, &self.aids.fetches);
            for _ in 0..array.stored_after() {
                self.memos.spend_next();
            }
        }))
        .map(|made| made.map(|value| Made { value, executed: array.len }))
    }

    /// Whether a tuple that would be stored like this need not be made.
    #[inline(always)]
    fn spares_tuple(&self, stored: Stored) -> bool {
        let spares_tuple = match stored {
            Stored::No => true,
            Stored::Next => self.memos.may_spend_next(&self.aids.fetches),
            Stored::Numbered => self.memos.is_selective() && self.memos.may_spend_next(&self.aids.fetches),
        };
        spares_tuple && self.deferred.is_none()
    }

    /// The same for what runs code of its own. Only what the stream fetches is held by the memo, and it is.
    #[inline(never)]
    fn call_side_by_side(&mut self, items: Items<'_, Owned>) -> Option<Result<Owned>> {
        let layout = self.layout?;
        let (stack, start) = items.into_stack();
        let callable = stack[start - 1].clone();
        let count = stack.len() - start;
        if callable.is_type() {
            let kind = callable.as_ptr().cast();
            let Aids { classes, nursery, .. } = &mut *self.aids;
            // SAFETY: the class is alive, and what is known of it is known of this class.
            match unsafe { classes.get(kind, self.state, layout) } {
                Some(class) if let Native::Init(init) = class.native => {
                    // SAFETY: as above; as long as it is not changed the class has this function.
                    let made = unsafe {
                        let empty = self.state.empty_tuple.as_ref();
                        class
                            .new_instance(&self.heap, nursery, empty)
                            .map(|object| (object, Ref::new(init).to_owned()))
                    };
                    let Ok((object, init)) = made else { return Some(Err(Raised)) };
                    let vector = &mut stack[start - 1..];
                    // SAFETY: `Owned` is transparent over a pointer; the stack holds the arguments, and gets the class back.
                    return Some(self.pause.interrupt(|| unsafe {
                        let vector = std::slice::from_raw_parts_mut(vector.as_mut_ptr().cast(), vector.len());
                        let class = vector[0];
                        let made = initialized(object, vector, &init);
                        vector[0] = class;
                        made
                    }));
                }
                Some(class)
                    if !matches!(class.native, Native::Call | Native::Derived(_) | Native::Extended) =>
                {
                    // These need their tuple.
                    return None;
                }
                _ => {}
            }
        }
        // SAFETY: the object is alive.
        unsafe { PyVectorcall_Function(callable.as_ptr()) }?;
        let vector = stack[start..].as_ptr().cast::<*mut PyObject>();
        // SAFETY: all arguments are alive; the stack is this load's own, and stays as it is meanwhile.
        let made = self.pause.interrupt(|| unsafe {
            Owned::from_result(PyObject_Vectorcall(callable.as_ptr(), vector, count, ptr::null_mut()))
        });
        Some(made.or_else(|Raised| self.call_again(callable.as_ref(), &stack[start..])))
    }

    /// The same for what needs a tuple, which nothing fetches.
    #[inline(never)]
    fn call_with_spare_tuple(&mut self, items: Items<'_, Owned>, layout: &Layout) -> Result<Owned> {
        let (stack, start) = items.into_stack();
        let callable = stack[start - 1].clone();
        if stack.len() == start {
            return self.call_with_tuple(callable.as_ref(), self.state.empty_tuple.as_ref());
        }
        self.with_spare_tuple(stack, start, layout, |builder, args| {
            builder.call_with_tuple(callable.as_ref(), args)
        })
    }

    /// What a class makes of the items in a call that runs no code, or nothing if it may run some; they are off the stack then.
    #[inline(never)]
    pub(crate) fn call_inertly_with(
        &mut self,
        items: Items<'_, Owned>,
        stored: Stored,
    ) -> Option<Result<Option<Owned>>> {
        let layout = self.layout?;
        if !self.memos.is_selective() || !self.spares_tuple(stored) || items.is_empty() {
            return None;
        }
        let (stack, start) = items.into_stack();
        let class = stack[start - 1].clone();
        let made = self.with_spare_tuple(stack, start, layout, |builder, args| {
            builder.call_inertly(class.as_ref(), args).transpose()
        });
        if stored != Stored::No {
            self.memos.spend_next();
        }
        Some(made)
    }

    /// Does something with a tuple of what stands on the stack from `start` on, which nothing fetches. What is called seldom
    /// keeps it: the next call can have it then.
    #[inline(always)]
    fn with_spare_tuple<R>(
        &mut self,
        stack: &mut Vec<Owned>,
        start: usize,
        layout: &Layout,
        work: impl FnOnce(&mut Self, Ref<'_>) -> Result<R>,
    ) -> Result<R> {
        let count = stack.len() - start;
        let spare = self.spare_tuple.take().filter(|spare| tuple::slots(spare.as_ref()).len() == count);
        let args = if let Some(spare) = spare {
            // SAFETY: a tuple of so many places, from which all items were taken.
            unsafe { tuple::fill_from_end(spare.as_ref(), stack, start) };
            spare
        } else {
            layout.tuple(&self.heap, &mut self.aids.nursery, stack, start)?
        };
        let made = work(self, args.as_ref());
        if args.as_ref().has_holders(1) {
            for slot in tuple::slots(args.as_ref()) {
                // SAFETY: nobody else has the tuple, and each item leaves it once.
                drop(unsafe { Owned::from_nullable(slot.replace(ptr::null_mut())) });
            }
            self.spare_tuple = Some(args);
        } else {
            layout.track_tuple(&mut self.aids.nursery, args.as_ref());
        }
        made
    }

    /// What helps a call that has failed.
    #[cold]
    fn call_again(&mut self, callable: Ref<'_>, args: &[Owned]) -> Result<Owned> {
        let args = Owned::tuple(borrowed(args))?;
        exception_without_init(callable, args.as_ref())
            .or_else(|Raised| self.set_or_defer(callable, args.as_ref()))
    }
}
