//! The arguments of native functions.

use crate::ffi::api::*;
use crate::ffi::{Ref, Result, error, text};

/// The parameters of a function, in order.
pub(crate) struct Signature<const N: usize> {
    /// The function's name, for messages.
    pub(crate) function: &'static str,
    /// The names of the parameters.
    pub(crate) names: [&'static str; N],
    /// How many of them cannot be given by keyword.
    pub(crate) positional_only: usize,
    /// How many of them can be given by position.
    pub(crate) positional: usize,
    /// How many of them must be given.
    pub(crate) required: usize,
}

impl<const N: usize> Signature<N> {
    /// Sorts the arguments of a call by the vectorcall protocol.
    ///
    /// # Safety
    ///
    /// `args` holds `count` objects and after them one for each name in `kwnames`, which is null or a tuple of
    /// strings; all live for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn parse_vector<'a>(
        &self,
        args: *const *mut PyObject,
        count: Py_ssize_t,
        kwnames: *mut PyObject,
    ) -> Result<[Option<Ref<'a>>; N]> {
        let mut values = [None; N];
        // SAFETY: by contract.
        unsafe { self.sort_vector(&mut values, args, count, kwnames)? };
        Ok(values)
    }

    /// The same into an array that need not be moved then.
    unsafe fn sort_vector(
        &self,
        values: &mut [Option<Ref<'_>>; N],
        args: *const *mut PyObject,
        count: Py_ssize_t,
        kwnames: *mut PyObject,
    ) -> Result<()> {
        // SAFETY: by contract.
        unsafe {
            let keywords = if kwnames.is_null() { 0 } else { PyTuple_GET_SIZE(kwnames) };
            self.fill(values, count as usize, |index| Ref::new(*args.add(index)))?;
            for index in 0..keywords {
                let name = Ref::new(PyTuple_GET_ITEM(kwnames, index));
                let value = Ref::new(*args.offset(count + index));
                self.keyword(values, name, value)?;
            }
            self.finish(values)
        }
    }

    /// Sorts the arguments of a call by the protocol of a tuple and a dict.
    ///
    /// # Safety
    ///
    /// `args` is a tuple and `kwargs` null or a dict with string keys; both live for `'a`.
    pub(crate) unsafe fn parse_tuple<'a>(
        &self,
        args: *mut PyObject,
        kwargs: *mut PyObject,
    ) -> Result<[Option<Ref<'a>>; N]> {
        // SAFETY: by contract.
        unsafe {
            let mut values = [None; N];
            let count = PyTuple_GET_SIZE(args) as usize;
            self.fill(&mut values, count, |index| Ref::new(PyTuple_GET_ITEM(args, index as Py_ssize_t)))?;
            if !kwargs.is_null() {
                let (mut position, mut name, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
                while PyDict_Next(kwargs, &raw mut position, &raw mut name, &raw mut value) != 0 {
                    self.keyword(&mut values, Ref::new(name), Ref::new(value))?;
                }
            }
            self.finish(&values)?;
            Ok(values)
        }
    }

    #[inline(always)]
    fn fill<'a>(
        &self,
        values: &mut [Option<Ref<'a>>; N],
        count: usize,
        argument: impl Fn(usize) -> Ref<'a>,
    ) -> Result<()> {
        if count > self.positional {
            let (function, most) = (self.function, self.positional);
            let (bound, plural) =
                (if self.required < most { "at most" } else { "exactly" }, if most == 1 { "" } else { "s" });
            return Err(error::type_error(&format!(
                "{function}() takes {bound} {most} positional argument{plural} ({count} given)"
            )));
        }
        for (index, value) in values.iter_mut().take(count).enumerate() {
            *value = Some(argument(index));
        }
        Ok(())
    }

    #[inline(always)]
    fn keyword<'a>(&self, values: &mut [Option<Ref<'a>>; N], name: Ref<'_>, value: Ref<'a>) -> Result<()> {
        let function = self.function;
        let ascii = text::ascii(name);
        let is = |known: &str| match ascii {
            Some(name) => {
                name.len() == known.len()
                    && name.first() == known.as_bytes().first()
                    && name == known.as_bytes()
            }
            None => text::equals(name, known),
        };
        // What is given most often comes last.
        let found = (self.positional_only..N).rev().find(|&index| is(self.names[index]));
        let Some(index) = found else {
            let name = name.text();
            return Err(error::type_error(&format!(
                "{function}() got an unexpected keyword argument '{name}'"
            )));
        };
        if values[index].replace(value).is_some() {
            let (name, position) = (self.names[index], index + 1);
            return Err(error::type_error(&format!(
                "argument for {function}() given by name ('{name}') and position ({position})"
            )));
        }
        Ok(())
    }

    fn finish(&self, values: &[Option<Ref<'_>>; N]) -> Result<()> {
        if let Some(missing) = values[..self.required].iter().position(Option::is_none) {
            let (function, name) = (self.function, self.names[missing]);
            return Err(error::type_error(&format!(
                "{function}() missing required argument '{name}' (pos {})",
                missing + 1
            )));
        }
        Ok(())
    }
}

/// A truth value with a default.
pub(crate) fn flag(value: Option<Ref<'_>>, default: bool) -> Result<bool> {
    value.map_or(Ok(default), Ref::is_true)
}

/// An argument for which `None` is the same as leaving it out.
pub(crate) fn some(value: Option<Ref<'_>>) -> Option<Ref<'_>> {
    value.filter(|value| !value.is_none())
}
