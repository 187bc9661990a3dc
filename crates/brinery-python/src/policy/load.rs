//! A load under a policy: in one go, or judged as a whole before anything is made.

use super::direct::Direct;
use super::functions::parts;
use super::host::Realizer;
use super::import_policy;
use super::nesting;
use super::refusal::raise;
use super::rules::{Rules, resolve, resolver};
use super::world::{Resolved, World};
use crate::ffi::api::*;
use crate::ffi::buffer::View;
use crate::ffi::object::borrowed;
use crate::ffi::{Owned, Raised, Ref, Result, error};
use crate::load::{Buffers, Builder, Hooks, Options, Visible};
use crate::state::State;
use brinery::policy::{Checked, Examination, Examined, GlobalUse, Memory, Native, Rule};
use brinery::read::{Decoder, Fetches, Instruction, Source};
use brinery::{Opcode, Options as GraphOptions};
use std::sync::atomic::Ordering;

/// From how many bytes on other threads may run while a stream is judged.
const LONG: usize = 64 << 10;

/// How a run of the machine ends.
enum Outcome {
    Done(Done),
    /// The stream does what it may only do when judged.
    GaveUp,
    /// Too little was kept in the memo. Nothing has happened that anyone could see.
    BeginsAnew,
}

/// What a run of the machine has made.
struct Done {
    value: Owned,
    /// Where the pickle ends.
    end: usize,
    /// How deep objects can be nested at most.
    depth: usize,
    /// Whether that cannot be found out by looking.
    opaque: bool,
}

/// What a load has been told.
pub(super) struct Load<'a> {
    pub(super) state: &'a State,
    pub(super) rules: &'a Rules,
    pub(super) input: &'a [u8],
    pub(super) options: &'a Options,
    /// A program's own way to find the objects of globals.
    pub(super) resolve: Option<Ref<'a>>,
    /// Whether there may be more after the pickle.
    pub(super) trailing: bool,
}

impl Load<'_> {
    /// Runs the machine; `None` if the stream does what it may only do when judged as a whole.
    fn run(&self, world: Option<&World<'_>>) -> Result<Option<Done>> {
        let limits = self.rules.budgets();
        match Checked::unpriced(self.input, limits) {
            Some(source) => self.run_on(&source, Memory::new(self.input, limits), world),
            None => self.run_on(&Checked::new(self.input, limits), Memory::counted(limits), world),
        }
    }

    /// As with any load, the memo keeps little, and the load begins anew where that turns out to be too little.
    fn run_on<'de, S: Source<'de> + Clone>(
        &self,
        source: &S,
        memory: Memory<'_, '_>,
        world: Option<&World<'_>>,
    ) -> Result<Option<Done>> {
        let mut anew = false;
        loop {
            match self.run_once(&mut source.clone(), memory, world, anew)? {
                Outcome::Done(done) => return Ok(Some(done)),
                Outcome::GaveUp => return Ok(None),
                Outcome::BeginsAnew => anew = true,
            }
        }
    }

    #[inline(always)]
    fn run_once<'de, S: Source<'de>>(
        &self,
        source: &mut S,
        memory: Memory<'_, '_>,
        world: Option<&World<'_>>,
        anew: bool,
    ) -> Result<Outcome> {
        let visible = Visible::default();
        visible.fix_imports.store(self.options.fix_imports, Ordering::Relaxed);
        let hooks = Hooks { visible: &visible, find_class: None, unpickler: None };
        // A stream that was judged has the buffers by which it was, as often as it is loaded.
        let again = match world.and_then(|world| world.buffers.as_ref()) {
            Some(buffers) => Some(Buffers::new(Owned::tuple(borrowed(buffers))?.as_ref())?),
            None => None,
        };
        let buffers = again.as_ref().or(self.options.buffers.as_ref());
        self.state.spare.lend(|machine, memo, aids| {
            let mut builder = Builder::new(self.state, memo, &self.options.strings, buffers, hooks, aids);
            builder.expect(Some(self.input));
            builder.keep_memo_private(Some(self.input), anew);
            if let Some(fetches) = world.and_then(|world| world.fetches.as_ref()) {
                builder.knows_fetches(fetches);
            }
            let limits = self.rules.budgets();
            let mut direct = Direct::new(self.rules, self.resolve.is_none(), self.input.len());
            let input = (self.input, self.trailing);
            let mut host = Realizer::new(&mut builder, world, &mut direct, limits, memory, input);
            let run = machine.run(source, &mut host).and_then(|value| {
                host.finish(source, &value)?;
                Ok(value)
            });
            match run {
                Ok(value) => {
                    let (end, depth) = (source.offset() as usize, host.wraps + 1);
                    Ok(Outcome::Done(Done { value, end, depth, opaque: host.is_opaque() }))
                }
                Err(Raised) if host.gave_up => Ok(Outcome::GaveUp),
                Err(Raised) if !anew && host.begins_anew() => Ok(Outcome::BeginsAnew),
                Err(Raised) => Err(Raised),
            }
        })
    }

    /// Loads a stream that makes nothing but what nobody can tell to have been made before the stream was judged.
    fn directly(&self) -> Result<Option<(Owned, usize)>> {
        let Some(Done { value, end, depth: most, opaque }) = self.run(None)? else { return Ok(None) };
        if end < self.input.len() && !self.trailing {
            return Err(refused(Rule::GrammarTrailing, "there is more after the pickle", end));
        }
        let depth = self.rules.budgets().depth();
        if most > depth && opaque {
            return Ok(None);
        }
        if most > depth && nesting::exceeds(value.as_ref(), depth) {
            return Err(refused(Rule::BudgetDepth, "objects are nested deeper than they may be", end - 1));
        }
        Ok(Some((value, end)))
    }

    /// Loads at once, or judged as a whole; `persistent` resolves persistent ids.
    pub(super) fn load(&self, persistent: Option<Ref<'_>>) -> Result<(Owned, usize)> {
        if let Some(done) = self.directly()? {
            return Ok(done);
        }
        let buffers = self.buffers()?;
        let (globals, fetches) = self.judge(buffers.as_deref().unwrap_or_default())?;
        let world = World { globals: self.resolve_all(&globals)?, persistent, buffers, fetches };
        match self.run(Some(&world))? {
            Some(done) => Ok((done.value, done.end)),
            None => Err(error::runtime_error("a stream was judged and then not loaded")),
        }
    }

    /// The objects that globals stand for.
    fn resolve_all(&self, globals: &[GlobalUse]) -> Result<Vec<Resolved>> {
        let mut found = Vec::with_capacity(globals.len());
        let mut left = Vec::new();
        self.with_builder(|builder| {
            for global in globals {
                match if self.resolve.is_none() { self.at_hand(builder, global)? } else { None } {
                    Some(object) => found.push(self.resolved(global, object)?),
                    None => left.push(global),
                }
            }
            Ok(())
        })?;
        if left.is_empty() {
            return Ok(found);
        }
        let resolver = self.resolve.map_or_else(resolver, |resolve| Ok(resolve.to_owned()))?;
        for global in left {
            let object = resolve(resolver.as_ref(), &global.module, &global.name, global.uses)?;
            found.push(self.resolved(global, object)?);
        }
        Ok(found)
    }

    /// What a global stands for in this load: itself, or what does only that which is granted.
    fn resolved(&self, global: &GlobalUse, object: Owned) -> Result<Resolved> {
        let native = self.rules.get(&global.module, &global.name).and_then(|granted| granted.native);
        let object = if native == Some(Native::Zone) && global.uses.call {
            import_policy()?.getattr(Owned::str("_finder_of_zones")?.as_ref())?.call1(object.as_ref())?
        } else {
            object
        };
        Resolved::new(global, object)
    }

    /// What a global stands for, if its module has it and it was found to be what the policy takes it for.
    fn at_hand(&self, builder: &mut Builder<'_>, global: &GlobalUse) -> Result<Option<Owned>> {
        let (module, name) = (Owned::str(&global.module)?, Owned::str(&global.name)?);
        let Some(judged) = self.rules.judged(module.as_ref(), name.as_ref(), false) else { return Ok(None) };
        let Some(object) = judged.object() else { return Ok(None) };
        let is_granted = if object.is_type() {
            judged.is_as_granted(builder, object.as_ref())?
        } else {
            !global.uses.construct
                && (judged.is_function_as_granted(object.as_ref()) || is_plain_object(object.as_ref())?)
        };
        Ok(is_granted.then_some(object))
    }

    /// Calls `body` with what knows about classes, outside of any load.
    fn with_builder<R>(&self, body: impl FnOnce(&mut Builder<'_>) -> R) -> R {
        let visible = Visible::default();
        let hooks = Hooks { visible: &visible, find_class: None, unpickler: None };
        self.state.spare.lend(|_, memo, aids| {
            body(&mut Builder::new(self.state, memo, &self.options.strings, None, hooks, aids))
        })
    }

    /// As many of the buffers that came with the stream as it asks for.
    fn buffers(&self) -> Result<Option<Vec<Owned>>> {
        let Some(buffers) = &self.options.buffers else { return Ok(None) };
        let asks = |instruction: &Instruction<'_>| instruction.opcode == Opcode::NextBuffer;
        let count = Decoder::new(self.input).map_while(core::result::Result::ok).filter(asks).count();
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(buffer) = buffers.next()?
        {
            taken.push(buffer);
        }
        Ok(Some(taken))
    }

    /// Judges the stream, with the contents of its buffers: the globals that it names, and what it fetches from the memo. Nothing is
    /// made.
    fn judge(&self, buffers: &[Owned]) -> Result<(Vec<GlobalUse>, Option<Fetches>)> {
        // What is no memory in one piece is judged by its place alone, and so is everything beside it.
        let views = buffers.iter().map(|buffer| View::new(buffer.as_ref())).collect::<Result<Vec<_>>>();
        let views = views.unwrap_or_else(|Raised| {
            error::clear();
            Vec::new()
        });
        let examination =
            Examination::new(self.rules).fix_imports(self.options.fix_imports).trailing_data(self.trailing);
        // Other threads could write to the buffers meanwhile.
        let result = if self.input.len() >= LONG && views.is_empty() {
            without_interpreter(|| examination.run(self.input))
        } else {
            let contents = GraphOptions::new().buffers(views.iter().map(View::as_slice));
            examination.options(contents).run(self.input)
        };
        result.map(|Examined { globals, fetches, .. }| (globals, fetches)).map_err(|error| {
            let (rule, message, offset, opcode, path) = parts(&error);
            raise(rule, &message, (offset, opcode, &path))
        })
    }
}

/// Whether an object says of itself that it is neither a class nor a function nor a module: then all that matters of it is that
/// it is there.
fn is_plain_object(object: Ref<'_>) -> Result<bool> {
    for kind in [&raw mut PyType_Type, &raw mut PyFunction_Type, &raw mut PyModule_Type] {
        // SAFETY: the object and the classes are alive.
        match unsafe { PyObject_IsInstance(object.as_ptr(), kind.cast()) } {
            0 => {}
            1 => return Ok(false),
            _ => return Err(Raised),
        }
    }
    Ok(true)
}

#[cold]
fn refused(rule: Rule, message: &str, offset: usize) -> Raised {
    raise(rule.id(), message, (Some(offset as u64), None, "obj"))
}

/// Runs something that has nothing to do with Python while other threads may run.
fn without_interpreter<R>(body: impl FnOnce() -> R) -> R {
    /// Comes back even if the body panics.
    struct Back(*mut PyThreadState);

    impl Drop for Back {
        fn drop(&mut self) {
            // SAFETY: the state is that of this thread, which let go of the interpreter.
            unsafe { PyEval_RestoreThread(self.0) }
        }
    }
    // SAFETY: the thread is attached.
    let _back = Back(unsafe { PyEval_SaveThread() });
    body()
}
