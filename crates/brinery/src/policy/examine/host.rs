//! What each opcode comes to.

use super::{Examiner, Names, is_inner};
use crate::error::{Error, ErrorKind, Result};
use crate::opcode::Opcode;
use crate::place::Place;
use crate::policy::need::Use;
use crate::policy::rule::Rule;
use crate::read::{Chunk, Fault, Host, Items, LineEncoding, ReadError, Shape as Outline, Source};
use crate::value::{ChangeKind, Id, Kind, Value};

impl<'a> Host<'a> for Examiner<'a, '_> {
    type Value = Id;
    type Error = Error;

    fn fault(&mut self, fault: Fault) -> Error {
        malformed(fault)
    }

    fn read_error(&mut self, error: ReadError) -> Error {
        match error {
            ReadError::Truncated => malformed(Fault::Truncated),
            error => error.into(),
        }
    }

    fn at(&mut self, error: Error, place: Place) -> Error {
        let error = match error.kind() {
            ErrorKind::Refused(..) => error,
            kind => Error::refused(Rule::Malformed, kind.to_string()),
        };
        error.at(place)
    }

    #[inline(always)]
    fn opcode_at(&mut self, offset: u64) {
        self.offset = offset;
        self.builder.opcode_at(offset);
    }

    fn protocol(&mut self, protocol: u8) {
        self.protocol = protocol;
        self.builder.protocol(protocol);
    }

    #[inline(always)]
    fn none(&mut self) -> Id {
        self.builder.none()
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Id {
        self.builder.bool(value)
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Result<Id> {
        self.builder.int(value)
    }

    fn int_literal(&mut self, text: &[u8]) -> Result<Id> {
        self.builder.int_literal(text)
    }

    fn long(&mut self, bytes: &[u8]) -> Result<Id> {
        self.builder.long(bytes)
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Result<Id> {
        self.builder.float(value)
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'a, '_>) -> Result<Id> {
        self.builder.unicode(utf8)
    }

    fn unicode_escaped(&mut self, line: Chunk<'a, '_>) -> Result<Id> {
        self.builder.unicode_escaped(line)
    }

    fn string(&mut self, bytes: Chunk<'a, '_>) -> Result<Id> {
        self.builder.string(bytes)
    }

    fn string_escaped(&mut self, literal: Chunk<'a, '_>) -> Result<Id> {
        self.builder.string_escaped(literal)
    }

    fn bytes<S: Source<'a>>(&mut self, len: usize, source: &mut S) -> Result<Id> {
        self.builder.bytes(len, source)
    }

    fn bytearray<S: Source<'a>>(&mut self, len: usize, source: &mut S) -> Result<Id> {
        self.builder.bytearray(len, source)
    }

    #[inline(always)]
    fn empty_list(&mut self) -> Result<Id> {
        self.pay_for(Opcode::EmptyList)?;
        self.builder.empty_list()
    }

    #[inline(always)]
    fn empty_dict(&mut self) -> Result<Id> {
        self.pay_for(Opcode::EmptyDict)?;
        self.builder.empty_dict()
    }

    #[inline(always)]
    fn empty_set(&mut self) -> Result<Id> {
        self.pay_for(Opcode::EmptySet)?;
        self.builder.empty_set()
    }

    #[inline]
    fn tuple(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.pay_for(Opcode::Tuple)?;
        let (mut restricted, mut size) = (false, 1u64);
        for &item in items.as_slice() {
            if self.value(item).is_leaf() {
                size += 1;
                continue;
            }
            restricted |= self.restricted.contains(item);
            size = size.saturating_add(self.size(item));
        }
        let tuple = self.builder.tuple(items)?;
        if size > 1 {
            self.set_size(tuple, size);
        }
        self.restrict_if(tuple, restricted);
        Ok(tuple)
    }

    fn list(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.pay_for(Opcode::List)?;
        self.check_free(items.as_slice())?;
        self.builder.list(items)
    }

    fn dict(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.pay_for(Opcode::Dict)?;
        self.check_free(items.as_slice())?;
        self.hash(items.as_slice().iter().step_by(2).copied())?;
        self.builder.dict(items)
    }

    fn frozenset(&mut self, items: Items<'_, Id>) -> Result<Id> {
        self.pay_for(Opcode::FrozenSet)?;
        self.check_free(items.as_slice())?;
        self.hash(items.as_slice().iter().copied())?;
        self.builder.frozenset(items)
    }

    #[inline]
    fn append(&mut self, items: Items<'_, Id>) -> Result<()> {
        self.pay_for(Opcode::Appends)?;
        self.check_extend(*items.container(), ChangeKind::Append, items.as_slice())?;
        self.builder.append(items)
    }

    #[inline]
    fn set_items(&mut self, items: Items<'_, Id>) -> Result<()> {
        self.pay_for(Opcode::SetItems)?;
        self.check_extend(*items.container(), ChangeKind::SetItems, items.as_slice())?;
        self.builder.set_items(items)
    }

    fn add_items(&mut self, items: Items<'_, Id>) -> Result<()> {
        self.pay_for(Opcode::AddItems)?;
        self.check_extend(*items.container(), ChangeKind::AddItems, items.as_slice())?;
        self.builder.add_items(items)
    }

    fn name(&mut self, line: Chunk<'a, '_>, encoding: LineEncoding) -> Result<Id> {
        self.builder.name(line, encoding)
    }

    fn global(&mut self, module: Id, name: Id) -> Result<Id> {
        self.pay_for(Opcode::StackGlobal)?;
        let id = self.builder.global(module, name)?;
        let (Some(module), Some(name)) = (self.value(module).as_str(), self.value(name).as_str()) else {
            return Err(Error::refused(Rule::Global, "a global whose name is no text"));
        };
        let index = match self.by_name.get(&Names(module, name)) {
            Some(&index) => index,
            None => {
                let raw = (module.to_owned(), name.to_owned());
                self.meet(raw)?
            }
        };
        self.by_id.insert(id, index + 1);
        let known = &mut self.globals[index as usize];
        match known.capability {
            Some(capability) if capability.value => known.uses.value = true,
            _ => self.restricted.insert(id),
        }
        Ok(id)
    }

    fn extension(&mut self, code: u32) -> Result<Id> {
        let Some((module, name)) = self.policy.extensions.get(&code) else {
            let message = format!("the extension code {code} stands for nothing under this policy");
            self.miss(Rule::Extension, None, |_| Use::Other, message)?;
            return self.builder.extension(code);
        };
        let (module, name) = (module.clone(), name.clone());
        let module = self.builder.scratch_text(&module)?;
        let name = self.builder.scratch_text(&name)?;
        self.global(module, name)
    }

    #[inline]
    fn reduce(&mut self, callable: Id, args: Id) -> Result<Id> {
        self.pay_for(Opcode::Reduce)?;
        if self.calls_alike(callable, args) {
            let made = self.builder.reduce(callable, args)?;
            self.note_size(made, [args]);
            return Ok(made);
        }
        self.check_call(callable, args)?;
        self.heavy += usize::from(self.value(args).items().any(|argument| is_inner(argument.kind())));
        let made = self.builder.reduce(callable, args)?;
        self.note_size(made, [args]);
        self.meet_member(made);
        self.restrict_made(callable, made);
        Ok(made)
    }

    fn discard(&mut self, value: Id, below: Option<&Id>) -> Result<()> {
        self.builder.discard(value, below)
    }

    fn build(&mut self, instance: &Id, state: Id) -> Result<()> {
        if !self.sets_alike(*instance, state) {
            self.check_state(*instance, state)?;
        }
        self.builder.build(instance, state)
    }

    fn instantiate(&mut self, class: Id, args: Items<'_, Id>) -> Result<Id> {
        self.pay_for(Opcode::Obj)?;
        let items = args.as_slice().to_vec();
        let tuple = self.builder.scratch_tuple(&items)?;
        let restricted = items.iter().any(|&item| self.restricted.contains(item));
        self.restrict_if(tuple, restricted);
        if items.is_empty() {
            self.check_construct(class, tuple, None)?;
        } else {
            self.check_call(class, tuple)?;
        }
        self.note_heavy(items);
        let made = self.builder.instantiate(class, args)?;
        self.note_size(made, [tuple]);
        self.restrict_made(class, made);
        Ok(made)
    }

    fn new_object(&mut self, class: Id, args: Id, kwargs: Option<Id>) -> Result<Id> {
        self.pay_for(Opcode::NewObj)?;
        if kwargs.is_some() || !self.constructs_alike(class, args) {
            self.check_construct(class, args, kwargs)?;
        }
        let made = self.builder.new_object(class, args, kwargs)?;
        self.note_size(made, [args]);
        Ok(made)
    }

    fn persistent_line(&mut self, line: Chunk<'a, '_>) -> Result<Id> {
        let made = self.builder.persistent_line(line)?;
        let id = self.value(made).as_persistent().map_or(made, Value::id);
        self.check_persistent(id)?;
        Ok(made)
    }

    fn persistent(&mut self, id: Id) -> Result<Id> {
        self.check_persistent(id)?;
        self.builder.persistent(id)
    }

    fn next_buffer(&mut self) -> Result<Id> {
        self.builder.next_buffer()
    }

    fn readonly_buffer(&mut self, buffer: Id) -> Result<Id> {
        if !matches!(self.value(buffer).kind(), Kind::Buffer | Kind::ReadOnly) {
            return Err(Error::refused(Rule::Buffer, "READONLY_BUFFER on something that is no buffer"));
        }
        self.builder.readonly_buffer(buffer)
    }

    #[inline(always)]
    fn share(&mut self, value: &Id) -> Id {
        self.builder.share(value)
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Id> {
        let found = self.builder.memo_get(index);
        if found.is_some() && index < self.stored {
            self.fetches.note(index as usize);
        }
        found
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Id) {
        self.in_turn &= index == self.stored;
        self.stored += 1;
        self.builder.memo_put(index, value);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Id) {
        self.stored += 1;
        self.builder.memoize(value);
    }

    fn shape(&self, value: &Id) -> Outline {
        self.builder.shape(value)
    }

    fn key_text(&self, value: &Id) -> String {
        self.builder.key_text(value)
    }
}

fn malformed(fault: Fault) -> Error {
    Error::refused(Rule::Malformed, fault.to_string())
}
