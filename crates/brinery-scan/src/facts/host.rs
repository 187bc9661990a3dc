//! What the machine tells, opcode by opcode.

use super::*;

impl<'de> Host<'de> for Facts<'_, '_> {
    type Value = Fact;
    type Error = End;

    const LIGHT: bool = true;

    fn fault(&mut self, fault: Fault) -> End {
        End::Fault(fault, Place { offset: 0, opcode: None, path: brinery::Path::default() })
    }

    fn wants_path(&self) -> bool {
        false
    }

    #[inline(always)]
    fn pause(&mut self, offset: u64, values: usize) -> Result<(), End> {
        if values > STACK {
            let message = format!("has over {STACK} values at a time that are in no container");
            return Err(End::TooMuch("budget-stack", message));
        }
        if self.named.len() > NAMES {
            let message = format!("names over {NAMES} classes and functions");
            return Err(End::TooMuch("budget-names", message));
        }
        if self.memo.is_large() {
            self.forget(offset);
        }
        Ok(())
    }

    fn read_error(&mut self, error: ReadError) -> End {
        End::Unreadable(match error {
            ReadError::Io(error) => error.to_string(),
            _ => "the stream cannot be read".into(),
        })
    }

    fn at(&mut self, error: End, place: Place) -> End {
        match error {
            End::Fault(fault, _) => End::Fault(fault, place),
            error => error,
        }
    }

    #[inline(always)]
    fn opcode_at(&mut self, offset: u64) {
        self.at = offset;
    }

    fn protocol(&mut self, protocol: u8) {
        self.protocol = Some(protocol);
        self.protocols += 1;
    }

    #[inline(always)]
    fn none(&mut self) -> Fact {
        Fact::new(Kind::Plain(Sort::None))
    }

    #[inline(always)]
    fn bool(&mut self, value: bool) -> Fact {
        Fact::new(Kind::Plain(Sort::Bool(value)))
    }

    #[inline(always)]
    fn int(&mut self, value: i64) -> Made {
        // The hash of smaller ones is the value itself.
        if value.unsigned_abs() >= residues::MODULUS {
            let others = self.collisions.count_int(value);
            self.heed_collisions(others, "integers");
        }
        Ok(Fact::new(Kind::Int(value)))
    }

    fn int_literal(&mut self, text: &[u8]) -> Made {
        self.textual = true;
        if text.len() > 50_000 {
            let message = format!("a number of {} decimal digits takes quadratic time to read", text.len());
            self.tell_budget(6, "budget-digits", message);
        }
        if let b"00" | b"01" = text {
            return Ok(Fact::new(Kind::Plain(Sort::Bool(text[1] == b'1'))));
        }
        if let Some(value) = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<i64>().ok()) {
            return self.int(value);
        }
        let digits: Vec<u8> = text
            .iter()
            .copied()
            .filter(u8::is_ascii_digit)
            .skip_while(|&digit| digit == b'0')
            .take(50_000)
            .collect();
        let others = self.collisions.count_digits(&digits, text.contains(&b'-'));
        self.heed_collisions(others, "integers");
        Ok(self.number(text.len() / 3))
    }

    fn long(&mut self, bytes: &[u8]) -> Made {
        // A number may be written longer than it is.
        let sign = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
        let len = bytes.iter().rposition(|&byte| byte != sign).map_or(0, |last| last + 1);
        if len < 8 || len == 8 && bytes[7] & 0x80 == sign & 0x80 {
            let value = bytes[..len]
                .iter()
                .rev()
                .fold(-i64::from(sign & 1), |value, &byte| value << 8 | i64::from(byte));
            return self.int(value);
        }
        let others = self.collisions.count_long(bytes);
        self.heed_collisions(others, "integers");
        let mut number = self.number(bytes.len());
        if sign == 0 {
            number.kind = Kind::Plain(Sort::Natural(len.min(usize::from(u16::MAX)) as u16));
        }
        Ok(number)
    }

    #[inline(always)]
    fn float(&mut self, value: f64) -> Made {
        Ok(Fact::new(Kind::Plain(Sort::Float(value.to_ne_bytes()))))
    }

    #[inline(always)]
    fn unicode(&mut self, utf8: Chunk<'de, '_>) -> Made {
        if self.reads_text && !is_ascii(&utf8) && std::str::from_utf8(&utf8).is_err() {
            self.grants.unsure = true;
        }
        if may_be_encoded(&utf8) {
            self.remember_nested(utf8.len());
        }
        Ok(self.text_here(may_be_hook(&utf8)))
    }

    fn unicode_escaped(&mut self, line: Chunk<'de, '_>) -> Made {
        self.textual = true;
        if may_be_escaped(&line, true) {
            self.remember_nested(line.len());
        }
        Ok(self.escaped(&line, true))
    }

    fn string(&mut self, bytes: Chunk<'de, '_>) -> Made {
        if may_be_packed(&bytes[..bytes.len().min(SHORTEST_KNOWN)], bytes.len()) || begins::bare(&bytes) {
            self.remember_nested(bytes.len());
        }
        Ok(self.text_here(may_be_hook(&bytes)))
    }

    fn string_escaped(&mut self, literal: Chunk<'de, '_>) -> Made {
        self.textual = true;
        if may_be_escaped(&literal, false) {
            self.remember_nested(literal.len());
        }
        Ok(self.escaped(&literal, false))
    }

    fn bytes<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        if len > source.buffered() {
            return Err(self.fault(Fault::Truncated));
        }
        let first = len.min(SHORTEST_KNOWN);
        let head = source.take(first).map_err(|error| self.read_error(error))?;
        let pickle = may_be_packed(&head, len);
        source.skip(len - first);
        if pickle {
            self.remember_nested(len);
        }
        Ok(Fact::new(Kind::Bytes(self.at)))
    }

    #[inline(always)]
    fn bytes_ahead(&mut self, bytes: &[u8]) -> Option<Fact> {
        if may_be_packed(&bytes[..bytes.len().min(SHORTEST_KNOWN)], bytes.len()) || begins::bare(bytes) {
            self.remember_nested(bytes.len());
        }
        Some(Fact::new(Kind::Bytes(self.at)))
    }

    fn bytearray<S: Source<'de>>(&mut self, len: usize, source: &mut S) -> Made {
        self.grants.has_bytearrays = true;
        self.bytes(len, source)
    }

    fn empty_list(&mut self) -> Made {
        self.allocate(LIST);
        Ok(Fact::new(Kind::List))
    }

    fn empty_dict(&mut self) -> Made {
        Ok(Fact::new(self.new_dict()))
    }

    fn empty_set(&mut self) -> Made {
        self.allocate(SET);
        Ok(Fact::new(Kind::Set))
    }

    #[inline(always)]
    fn tuple(&mut self, items: Items<'_, Fact>) -> Made {
        // The empty tuple is always the same.
        self.allocate(if items.is_empty() { 0 } else { TUPLE });
        let (depth, weight) = self.contain(&items);
        let place = self.shelf.put(items.as_slice());
        self.heed_tuple(items.as_slice(), place);
        self.take_items(items);
        Ok(Fact { kind: Kind::Tuple(place), depth, weight })
    }

    fn list(&mut self, items: Items<'_, Fact>) -> Made {
        self.allocate(LIST);
        let (depth, weight) = self.depth_of(&items);
        self.heed_unhashable(items.as_slice());
        self.take_items(items);
        Ok(self.filled(Kind::List, depth, weight))
    }

    fn dict(&mut self, items: Items<'_, Fact>) -> Made {
        let kind = self.new_dict();
        let id = if let Kind::Dict(id) = kind { Some(id) } else { None };
        let (depth, weight) = self.set_pairs(id, &items);
        self.take_items(items);
        Ok(self.filled(kind, depth, weight))
    }

    fn frozenset(&mut self, items: Items<'_, Fact>) -> Made {
        self.allocate(SET);
        for item in items.as_slice() {
            self.hash(item);
        }
        self.grants.has_frozensets = true;
        let (depth, weight) = self.contain(&items);
        let kind = self.frozen(items.as_slice());
        self.take_items(items);
        Ok(Fact { kind, depth, weight })
    }

    #[inline(always)]
    fn append(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        let grown = self.depth_of(&items);
        self.heed_unhashable(items.as_slice());
        if items.container().kind != Kind::List {
            let container = *items.container();
            self.judge_extend(&container, "APPEND");
        }
        self.put_items(items, grown);
        Ok(())
    }

    #[inline(always)]
    fn set_items(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        let dict = match items.container().kind {
            Kind::Dict(id) => Some(id),
            _ => None,
        };
        let grown = self.set_pairs(dict, &items);
        if dict.is_none() {
            let container = *items.container();
            self.judge_extend(&container, "SETITEM");
        }
        self.put_items(items, grown);
        Ok(())
    }

    fn add_items(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        for item in items.as_slice() {
            self.hash(item);
        }
        let grown = self.depth_of(&items);
        self.grants.unsure |= self.grants.has_frozensets;
        if items.container().kind != Kind::Set {
            let container = *items.container();
            self.judge_extend(&container, "ADDITEMS");
        }
        self.put_items(items, grown);
        Ok(())
    }

    fn name(&mut self, line: Chunk<'de, '_>, _encoding: LineEncoding) -> Made {
        self.textual = true;
        self.decoded.push(String::from_utf8_lossy(&line[..line.len().min(NAME)]).into_owned());
        Ok(Fact::new(Kind::Decoded(self.decoded.len() as u32 - 1)))
    }

    fn global(&mut self, module: Fact, name: Fact) -> Made {
        self.operations += 1;
        self.louder = true;
        if let (Kind::Text(module) | Kind::Hook(module), Kind::Text(name) | Kind::Hook(name)) =
            (module.kind, name.kind)
        {
            if let Some(&id) = self.by_place.get(&(module, name)) {
                return Ok(Fact::new(Kind::Global(id)));
            }
            let are_texts =
                [module, name].into_iter().all(|at| self.text_of(&Fact::new(Kind::Text(at))).is_some());
            self.grants.unsure |= !are_texts;
            let id = self.name_global(self.text_at(module), self.text_at(name));
            if self.by_place.len() < 1 << 16 {
                self.by_place.insert((module, name), id);
            }
            return Ok(Fact::new(Kind::Global(id)));
        }
        if let (Kind::Decoded(a), Kind::Decoded(b)) = (module.kind, name.kind)
            && a + 1 == b
            && b as usize + 1 == self.decoded.len()
        {
            // The lines of GLOBAL and INST are of no further use.
            let name = self.decoded.pop().unwrap_or_default();
            let module = self.decoded.pop().unwrap_or_default();
            return Ok(Fact::new(Kind::Global(self.name_global(module, name))));
        }
        match (self.text(&module), self.text(&name)) {
            (Some(module), Some(name)) => Ok(Fact::new(Kind::Global(self.name_global(module, name)))),
            (module, name) => {
                let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "?".into());
                let message = format!(
                    "takes a class or function by a name that is computed while loading: {}.{}",
                    part(&module),
                    part(&name)
                );
                // Bytes that are no pickle make no sense either.
                let odd = [&module, &name].into_iter().flatten().any(|part| !known::is_spelled(part, part));
                if let Some(finding) = self.find(Verdict::Dangerous, "computed-name", message) {
                    finding.category = odd.then_some("odd-name");
                }
                Ok(Fact::new(Kind::Result))
            }
        }
    }

    fn extension(&mut self, code: u32) -> Made {
        self.louder = true;
        self.operations += 1;
        self.find(
            Verdict::Ambiguous,
            "extension-code",
            format!("what extension code {code} stands for is known to the loading program alone"),
        );
        Ok(Fact::new(Kind::Outside(Outside::Extension)))
    }

    fn reduce(&mut self, callable: Fact, args: Fact) -> Made {
        self.operate();
        let mut made = self.judge_call(&callable, &args);
        made.depth = args.depth + self.height(&made, &args);
        Ok(made)
    }

    fn build(&mut self, instance: &Fact, state: Fact) -> Result<(), End> {
        self.use_value(&state);
        self.judge_build(instance, &state);
        self.name_value(&state);
        if let Kind::Made { global, .. } = instance.kind {
            let named = &mut self.named[global as usize];
            named.built = true;
            // A flat state makes nothing deeper than it was.
            let is_flat = std::mem::take(&mut self.grants.is_flat_state);
            named.grows |= state.depth > 1 && !is_flat;
            self.heavy += u32::from(named.heavy && !is_flat);
            self.unsounded += u32::from(state.depth >= CALL && named.heavy && !is_flat);
        }
        if self.between.get() != Between::Nothing && !self.has_tape {
            return Err(End::NeedsTape);
        }
        if self.between.get() != Between::Nothing {
            // What follows was taken for opcodes when it was looked for what is fetched.
            self.memo.miss();
        }
        Ok(())
    }

    fn instantiate(&mut self, class: Fact, args: Items<'_, Fact>) -> Made {
        self.operate();
        let (depth, weight) = self.contain(&args);
        let place = self.shelf.put(args.as_slice());
        let empty = args.is_empty();
        self.take_items(args);
        let args = Fact { kind: Kind::Tuple(place), depth, weight };
        if empty {
            self.weigh_new(&class, &args, None);
        }
        let mut made =
            if empty { self.judge_new(&class, &args, None) } else { self.judge_call(&class, &args) };
        made.depth = depth + if empty { 1 } else { self.height(&made, &args) };
        Ok(made)
    }

    fn new_object(&mut self, class: Fact, args: Fact, kwargs: Option<Fact>) -> Made {
        self.operate();
        self.weigh_new(&class, &args, kwargs.as_ref());
        let mut made = self.judge_new(&class, &args, kwargs.as_ref());
        made.depth = args.depth + 1;
        Ok(made)
    }

    fn discard(&mut self, _value: Fact, _below: Option<&Fact>) -> Result<(), End> {
        // What is thrown away may have been made to hide what is given a state.
        self.grants.unsure = true;
        Ok(())
    }

    fn discard_items(&mut self, items: Items<'_, Fact>) -> Result<(), End> {
        self.grants.unsure = true;
        self.take_items(items);
        Ok(())
    }

    fn persistent_line(&mut self, _line: Chunk<'de, '_>) -> Made {
        self.textual = true;
        self.persistent += 1;
        Ok(Fact::new(Kind::Outside(Outside::Persistent)))
    }

    fn persistent(&mut self, id: Fact) -> Made {
        self.use_value(&id);
        self.persistent += 1;
        if let Some(class) = self.class_of_module(&id) {
            return Ok(class);
        }
        Ok(Fact::new(Kind::Outside(Outside::Persistent)))
    }

    fn next_buffer(&mut self) -> Made {
        self.buffers += 1;
        Ok(Fact::new(Kind::Outside(Outside::Buffer)))
    }

    fn readonly_buffer(&mut self, buffer: Fact) -> Made {
        self.grants.unsure = true;
        Ok(self.heed(buffer))
    }

    #[inline(always)]
    fn share(&mut self, value: &Fact) -> Fact {
        self.heed(*value)
    }

    #[inline(always)]
    fn memo_get(&mut self, index: u64) -> Option<Fact> {
        let value = self.memo.get(index)?;
        Some(self.heed(value))
    }

    #[inline(always)]
    fn memo_put(&mut self, index: u64, value: &Fact) {
        self.stored += 1;
        self.highest_index = self.highest_index.max(index);
        let fresh = self.takes_fresh(value);
        self.overwritten |= self.memo.insert(index, &consumed::stored(value), fresh);
    }

    #[inline(always)]
    fn memoize(&mut self, value: &Fact) {
        self.stored += 1;
        let fresh = self.takes_fresh(value);
        self.memo.push(&consumed::stored(value), fresh);
    }

    fn shape(&self, _value: &Fact) -> Shape {
        Shape::Other
    }

    fn key_text(&self, _value: &Fact) -> String {
        String::new()
    }
}

impl Facts<'_, '_> {
    /// Text with escapes, which is decoded when it is asked for.
    fn escaped(&mut self, escaped: &[u8], unicode: bool) -> Fact {
        let hook = may_be_hook(escaped)
            || (escaped.contains(&b'\\')
                && escaped.len() < 256
                && may_be_hook(unescape(escaped, unicode).as_bytes()));
        self.text_here(hook)
    }

    /// Text that the opcode at work makes.
    #[inline(always)]
    fn text_here(&mut self, hook: bool) -> Fact {
        self.fresh = self.at;
        self.louder |= hook;
        Fact::new(if hook { Kind::Hook(self.at) } else { Kind::Text(self.at) })
    }

    /// Forgets the values in the memo that are not going to be fetched.
    #[cold]
    #[inline(never)]
    fn forget(&mut self, at: u64) {
        let wanted = if self.forgets && !self.keeps_items {
            Wanted::in_stream(self.blob, at, NEAR as u64)
        } else {
            None
        };
        self.memo.keep(wanted);
    }

    /// Whether a value that is stored now is the text that was made last, of which nothing has been stored since.
    #[inline(always)]
    fn takes_fresh(&mut self, value: &Fact) -> bool {
        let fresh = std::mem::replace(&mut self.fresh, u64::MAX);
        matches!(value.kind, Kind::Text(at) | Kind::Hook(at) if at == fresh)
    }

    fn remember_nested(&mut self, len: usize) {
        if self.nested.len() < NESTED {
            self.nested.push((self.at, len as u64));
        } else {
            let message = format!("has over {NESTED} strings that may be pickles, more than are looked at");
            self.tell_budget(9, "budget-nested", message);
        }
    }
}
