//! A graph as a stream, in any protocol.

use super::graph::{ChangeAt, ChangeKind, Construction, Graph, Id, Node};
use super::names::names_for;
use crate::error::{Error, Result};
use crate::opcode::Opcode;
use crate::write::{BATCH_SIZE, Output, Unwritable};
use std::io;

type HashMap<K, V> = hashbrown::HashMap<K, V, foldhash::fast::RandomState>;
type HashSet<K> = hashbrown::HashSet<K, foldhash::fast::RandomState>;

impl Graph<'_> {
    /// Writes the graph in a protocol, 0 to 5, as CPython would write the same objects.
    ///
    /// Sharing and cycles are kept. Where a protocol has no opcode for something, the stream says it as CPython
    /// does: a set is `set([...])` below protocol 4, a bytearray is `bytearray(b'...')` below protocol 5. Globals of
    /// the standard library have their names of Python 2 below protocol 3, and those of Python 3 from there on. Out-of-band buffers stay out of band in protocol 5, and are written in band below.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let graph = Graph::from_slice(b"\x80\x04\x8f(K\x01\x90.").unwrap();
    /// assert_eq!(graph.to_string(), "{1}");
    /// assert_eq!(graph.to_vec(1).unwrap(), b"c__builtin__\nset\nq\0(]q\x01K\x01atq\x02Rq\x03.");
    /// ```
    ///
    /// # Errors
    ///
    /// If the protocol has no spelling for something ([`Unwritable`]).
    ///
    /// # Panics
    ///
    /// If the protocol is not one of 0 to 5.
    pub fn to_vec(&self, protocol: u8) -> Result<Vec<u8>> {
        let (stream, buffers) = Writer::new(self, protocol, None).write()?;
        if buffers.iter().enumerate().any(|(position, &index)| position != index) {
            return Err(Unwritable::BufferOrder.into());
        }
        Ok(stream)
    }

    /// Writes the graph as [`to_vec`](Self::to_vec) does, frame by frame, and tells in which order a reader must be
    /// given the out-of-band buffers.
    ///
    /// ```
    /// use brinery::Graph;
    ///
    /// let graph = Graph::from_slice(b"\x80\x05\x97\x97\x86.").unwrap();
    /// let mut stream = Vec::new();
    /// assert_eq!(graph.to_writer(&mut stream, 5).unwrap(), [0, 1]);
    /// assert_eq!(stream, b"\x80\x05\x95\x05\0\0\0\0\0\0\0\x97\x97\x86\x94.");
    /// ```
    ///
    /// # Errors
    ///
    /// If the protocol has no spelling for something ([`Unwritable`]), or if the writer fails.
    ///
    /// # Panics
    ///
    /// If the protocol is not one of 0 to 5.
    pub fn to_writer(&self, mut writer: impl io::Write, protocol: u8) -> Result<Vec<usize>> {
        let (_, buffers) = Writer::new(self, protocol, Some(&mut writer)).write()?;
        Ok(buffers)
    }
}

/// What remains to be written, the next on top of the stack.
#[derive(Clone, Copy)]
enum Task<'g> {
    /// An object.
    Save(Id),
    /// Objects one after the other.
    Run(&'g [Id]),
    /// The items of a container, in batches.
    Batches(Batches<'g>),
    /// Text that is the same wherever it comes up.
    Known(&'static str),
    /// An opcode.
    Op(Opcode),
    /// Makes a tuple of items written.
    Tuple(Id, usize),
    /// Makes a frozenset of elements written.
    FrozenSet(Id),
    /// Makes an object of parts written, and goes on with what changes it.
    Finish(Id, Opcode),
    /// Makes an instance of this class from arguments written.
    Inst(Id, &'g str, &'g str),
    /// Begins a tuple of so many items.
    Open(usize),
    /// The arguments of an instance that is met within them, where the memo was so far before them.
    Renewed(&'g [Id], u32),
    /// A container with the contents of this one.
    Fresh(Id),
    /// Begins a tuple of one list, neither of which is an object of the graph.
    FreshList(&'g [Id]),
    /// Makes a tuple that is no object of the graph.
    Wrap(usize),
    /// Writes what changes an object.
    Changes(ChangeAt),
}

/// Items that are written between marks.
#[derive(Clone, Copy)]
struct Batches<'g> {
    ids: &'g [Id],
    /// One for items, two for keys and values.
    width: usize,
    /// The opcode for a lone item; a set has none.
    one: Option<Opcode>,
    many: Opcode,
    /// Whether an item that is left over alone is written as a lone one.
    lone_at_end: bool,
    /// Whether an empty batch follows a last one that is full.
    empty_at_end: bool,
}

/// How far the memo is.
#[derive(Clone, Copy)]
struct Progress {
    /// How many objects are in it.
    memoized: usize,
    /// The index behind that of the last one.
    next_index: u32,
}

struct Writer<'g, 'a, 'w> {
    graph: &'g Graph<'a>,
    output: Output<'w>,
    /// The memo index of each object, plus one.
    memo: Vec<u32>,
    memoized: usize,
    tasks: Vec<Task<'g>>,
    buffers: Vec<usize>,
    /// Calls whose arguments are containers, and sets written as such: how far the memo was when one was entered last.
    entered: HashMap<Id, Progress>,
    /// The index in the memo behind that of the last object.
    next_index: u32,
    /// The buffers and containers that are used more than once, as soon as that is asked for.
    shared: Option<HashSet<Id>>,
}

impl<'g, 'a, 'w> Writer<'g, 'a, 'w> {
    fn new(graph: &'g Graph<'a>, protocol: u8, writer: Option<&'w mut dyn io::Write>) -> Self {
        assert!(protocol <= crate::read::HIGHEST_PROTOCOL, "there is no pickle protocol {protocol}");
        Writer {
            graph,
            output: Output::new(protocol, writer),
            memo: vec![0; graph.len()],
            memoized: 0,
            tasks: Vec::new(),
            buffers: Vec::new(),
            entered: HashMap::default(),
            next_index: 0,
            shared: None,
        }
    }

    fn write(mut self) -> Result<(Vec<u8>, Vec<usize>)> {
        self.tasks.push(Task::Save(self.graph.root().id()));
        while let Some(task) = self.tasks.pop() {
            self.perform(task)?;
        }
        Ok((self.output.finish()?, self.buffers))
    }

    fn perform(&mut self, task: Task<'g>) -> Result<()> {
        match task {
            Task::Save(id) => self.save(id),
            Task::Run(ids) => {
                let mut rest = ids;
                let waiting = self.tasks.len();
                // Objects without contents leave no task behind.
                while let Some((&id, tail)) = rest.split_first() {
                    rest = tail;
                    self.save(id)?;
                    if self.tasks.len() > waiting {
                        if !rest.is_empty() {
                            self.tasks.insert(waiting, Task::Run(rest));
                        }
                        break;
                    }
                }
                Ok(())
            }
            Task::Batches(batches) => {
                self.batch(batches);
                Ok(())
            }
            Task::Known(text) => self.output.known_text(text),
            Task::Op(opcode) => {
                self.output.op(opcode);
                Ok(())
            }
            Task::Tuple(id, len) => self.close_tuple(id, len),
            Task::FrozenSet(id) => {
                if self.memo[id.index()] != 0 {
                    self.output.op(Opcode::PopMark);
                    return self.get(id);
                }
                self.output.op(Opcode::FrozenSet);
                self.memoize(id)
            }
            Task::Finish(id, opcode) => {
                self.output.op(opcode);
                if self.memo[id.index()] != 0 {
                    self.output.op(Opcode::Pop);
                    return self.get(id);
                }
                self.memoize(id)
            }
            Task::Inst(id, module, name) => {
                self.output.emitter().line(Opcode::Inst, module.as_bytes());
                self.output.emitter().raw(name.as_bytes());
                self.output.emitter().raw(b"\n");
                self.memoize(id)
            }
            Task::Open(len) => {
                self.output.begin()?;
                self.output.open_tuple(len);
                Ok(())
            }
            Task::Renewed(items, before) => {
                self.push_renewed(items, before);
                Ok(())
            }
            Task::Fresh(id) => self.fresh(id),
            Task::FreshList(items) => {
                self.output.open_tuple(1);
                self.output.begin()?;
                self.container(None, ChangeKind::Append, items)
            }
            Task::Wrap(len) => self.output.close_tuple(len).map(drop),
            Task::Changes(at) => self.change(at),
        }
    }

    fn get(&mut self, id: Id) -> Result<()> {
        let index = self.memo[id.index()] as usize - 1;
        Ok(self.output.emitter().get(index)?)
    }

    /// Stores the object written in the memo; then come its changes.
    #[inline]
    fn memoize(&mut self, id: Id) -> Result<()> {
        let index = self.output.memoize()?;
        self.remember(id, index)
    }

    fn remember(&mut self, id: Id, index: usize) -> Result<()> {
        self.next_index = u32::try_from(index + 1).map_err(|_| Unwritable::LargeMemo)?;
        self.memo[id.index()] = self.next_index;
        self.memoized += 1;
        self.push_changes(id);
        Ok(())
    }

    #[inline]
    fn push_changes(&mut self, id: Id) {
        if let Some(first) = self.graph.first_change(id) {
            self.tasks.push(Task::Changes(first));
        }
    }

    /// The end of an object that has no place in the memo, unless it is changed.
    #[inline]
    fn plain(&mut self, id: Id) -> Result<()> {
        if self.graph.first_change(id).is_some() { self.memoize(id) } else { Ok(()) }
    }

    fn save(&mut self, id: Id) -> Result<()> {
        self.output.begin()?;
        if self.memo[id.index()] != 0 {
            return self.get(id);
        }
        let graph = self.graph;
        match graph.node(id) {
            Node::None => {
                self.output.emitter().none();
                self.plain(id)
            }
            Node::Bool(value) => {
                self.output.emitter().bool(value);
                self.plain(id)
            }
            Node::Int(value) => {
                self.output.emitter().int(value);
                self.plain(id)
            }
            Node::BigInt(index) => {
                let value = graph.big_int(index);
                if self.output.protocol() >= 2 {
                    self.output.emitter().long(&value.to_signed_bytes_le())?;
                } else {
                    self.output.emitter().long_decimal(value.to_string().as_bytes());
                }
                self.plain(id)
            }
            Node::Float(value) => {
                self.output.emitter().float(value);
                self.plain(id)
            }
            Node::Text(text) => {
                self.output.text(graph.text(text).as_bytes())?;
                self.memoize(id)
            }
            Node::Ascii(text) => {
                self.output.text(text)?;
                self.memoize(id)
            }
            Node::Surrogates(text) => {
                self.output.text(graph.bytes(text))?;
                self.memoize(id)
            }
            Node::String(bytes) => {
                self.output.string(graph.bytes(bytes))?;
                self.memoize(id)
            }
            Node::Bytes(bytes) => {
                let index = self.output.bytes(graph.bytes(bytes))?;
                self.remember(id, index)
            }
            Node::ByteArray(bytes) => {
                let index = self.output.bytearray(graph.bytes(bytes))?;
                self.remember(id, index)
            }
            Node::List(run) => self.container(Some(id), ChangeKind::Append, graph.ids(run)),
            Node::Dict(run) => self.container(Some(id), ChangeKind::SetItems, graph.ids(run)),
            Node::Tuple(run) => {
                let ids = graph.ids(run);
                if ids.is_empty() {
                    self.output.emitter().empty_tuple();
                    return self.plain(id);
                }
                self.output.open_tuple(ids.len());
                self.tasks.push(Task::Tuple(id, ids.len()));
                self.tasks.push(Task::Run(ids));
                Ok(())
            }
            Node::Set(run) if self.output.protocol() >= 4 => {
                self.container(Some(id), ChangeKind::AddItems, graph.ids(run))
            }
            Node::FrozenSet(run) if self.output.protocol() >= 4 => {
                self.output.op(Opcode::Mark);
                self.tasks.push(Task::FrozenSet(id));
                self.tasks.push(Task::Run(graph.ids(run)));
                Ok(())
            }
            Node::Set(run) => self.set_of_list(id, "set", graph.ids(run)),
            Node::FrozenSet(run) => self.set_of_list(id, "frozenset", graph.ids(run)),
            Node::Global { module, name } => self.global(id, module, name),
            Node::Extension(code) => {
                if self.output.protocol() < 2 {
                    return Err(Unwritable::ExtensionCode.into());
                }
                self.output.emitter().extension(code);
                self.plain(id)
            }
            Node::Persistent(persistent) => self.persistent(id, persistent),
            Node::Instance { construction, class, args, kwargs, .. } => {
                self.instance(id, construction, class, args, kwargs)
            }
            Node::Buffer(_) | Node::ReadOnly(_) => self.buffer(id),
        }
    }

    /// A list, dict or set, which may be no object of the graph.
    fn container(&mut self, id: Option<Id>, kind: ChangeKind, items: &'g [Id]) -> Result<()> {
        match kind {
            ChangeKind::SetItems => self.output.emitter().empty_dict(),
            ChangeKind::AddItems => self.output.op(Opcode::EmptySet),
            _ => self.output.emitter().empty_list(),
        }
        match id {
            Some(id) => self.memoize(id)?,
            None => drop(self.output.memoize()?),
        }
        self.push_items(kind, items, true);
        Ok(())
    }

    /// Leaves the items of a container, or those that change another object, to be written.
    fn push_items(&mut self, kind: ChangeKind, ids: &'g [Id], exact: bool) {
        if ids.is_empty() {
            return;
        }
        let (width, one, many) = match kind {
            ChangeKind::SetItems => (2, Some(Opcode::SetItem), Opcode::SetItems),
            ChangeKind::AddItems => (1, None, Opcode::AddItems),
            _ => (1, Some(Opcode::Append), Opcode::Appends),
        };
        let lone = exact && ids.len() == width && one.is_some();
        if lone {
            self.tasks.push(Task::Op(one.unwrap_or(many)));
            self.tasks.push(Task::Run(ids));
            return;
        }
        let empty_at_end = exact && kind != ChangeKind::Append;
        let batches = Batches { ids, width, one, many, lone_at_end: !exact, empty_at_end };
        self.tasks.push(Task::Batches(batches));
    }

    fn batch(&mut self, batches: Batches<'g>) {
        let Batches { ids, width, one, many, lone_at_end, empty_at_end } = batches;
        let single = if self.output.protocol() == 0 { one } else { None };
        let lone = if lone_at_end && ids.len() == width { one } else { None };
        if let Some(opcode) = single.or(lone) {
            let (item, rest) = ids.split_at(width);
            if !rest.is_empty() {
                self.tasks.push(Task::Batches(Batches { ids: rest, ..batches }));
            }
            self.tasks.push(Task::Op(opcode));
            self.tasks.push(Task::Run(item));
            return;
        }
        let len = ids.len().min(BATCH_SIZE * width);
        let (items, rest) = ids.split_at(len);
        self.output.op(Opcode::Mark);
        if !rest.is_empty() || (empty_at_end && len == BATCH_SIZE * width) {
            self.tasks.push(Task::Batches(Batches { ids: rest, ..batches }));
        }
        self.tasks.push(Task::Op(many));
        self.tasks.push(Task::Run(items));
    }

    fn change(&mut self, at: ChangeAt) -> Result<()> {
        let change = self.graph.change_at(at);
        if let Some(next) = change.next {
            self.tasks.push(Task::Changes(next));
        }
        let ids = self.graph.ids(change.items);
        match change.kind {
            ChangeKind::State => {
                self.tasks.push(Task::Op(Opcode::Build));
                self.tasks.push(Task::Run(ids));
            }
            ChangeKind::Call => {
                let Some((function, args)) = ids.split_first() else { return Ok(()) };
                let tuple = match args.len() {
                    // CPython writes this one in every protocol.
                    2 => Opcode::Tuple2,
                    1 if self.output.protocol() >= 2 => Opcode::Tuple1,
                    3 if self.output.protocol() >= 2 => Opcode::Tuple3,
                    _ => Opcode::Tuple,
                };
                let after = [tuple, Opcode::Reduce, Opcode::Pop];
                self.tasks.extend(after.into_iter().rev().map(Task::Op));
                self.tasks.push(Task::Run(args));
                if tuple == Opcode::Tuple {
                    self.tasks.push(Task::Op(Opcode::Mark));
                }
                self.tasks.push(Task::Save(*function));
            }
            ChangeKind::AddItems if self.output.protocol() < 4 => return Err(Unwritable::AddItems.into()),
            kind => self.push_items(kind, ids, false),
        }
        Ok(())
    }

    fn close_tuple(&mut self, id: Id, len: usize) -> Result<()> {
        let marked = self.output.protocol() < 2 || len > 3;
        if self.memo[id.index()] != 0 {
            // An item holds the tuple itself and so has written it: throw this one away and fetch that one.
            if marked && self.output.protocol() > 0 {
                self.output.op(Opcode::PopMark);
            } else {
                (0..len + usize::from(marked)).for_each(|_| self.output.op(Opcode::Pop));
            }
            return self.get(id);
        }
        let index = self.output.close_tuple(len)?;
        self.remember(id, index)
    }

    /// Notes that an object is begun; answers how far the memo was when it was begun before.
    fn enter(&mut self, id: Id) -> Option<Progress> {
        let now = Progress { memoized: self.memoized, next_index: self.next_index };
        self.entered.insert(id, now)
    }

    /// Whether an instance is met within its own arguments, with containers among them that are not complete: a call that
    /// copies them would miss the rest. The answer is how far the memo was before them. It gets containers of its own, as
    /// CPython gives it; what was begun first is thrown away in the end.
    fn is_within_itself(&mut self, id: Id, args: Id) -> Option<u32> {
        let Node::Tuple(run) = self.graph.node(args) else { return None };
        if !self.graph.ids(run).iter().any(|&item| self.is_filled(item)) {
            return None;
        }
        let memoized = self.memoized;
        // If nothing is new there would be no end.
        self.enter(id).filter(|before| before.memoized != memoized).map(|before| before.next_index)
    }

    fn is_filled(&self, id: Id) -> bool {
        match self.graph.node(id) {
            Node::List(items) | Node::Dict(items) => !self.graph.ids(items).is_empty(),
            Node::Set(items) => self.output.protocol() >= 4 && !self.graph.ids(items).is_empty(),
            _ => false,
        }
    }

    /// Leaves the arguments of a call to be written, one after the other.
    fn push_items_of_call(&mut self, items: &'g [Id], within: Option<u32>) {
        self.tasks.push(within.map_or(Task::Run(items), |before| Task::Renewed(items, before)));
    }

    /// The same, as a tuple.
    fn push_arguments(&mut self, args: Id, within: Option<u32>) {
        match (within, self.graph.node(args)) {
            (Some(before), Node::Tuple(run)) => {
                let len = self.graph.ids(run).len();
                self.tasks.extend([
                    Task::Wrap(len),
                    Task::Renewed(self.graph.ids(run), before),
                    Task::Open(len),
                ]);
            }
            _ => self.tasks.push(Task::Save(args)),
        }
    }

    /// Leaves items to be written, in the place of containers after that place in the memo others with the same contents.
    fn push_renewed(&mut self, items: &'g [Id], before: u32) {
        for &item in items.iter().rev() {
            let incomplete = self.is_filled(item) && self.memo[item.index()] > before;
            // One that others refer to as well has to stay the one that it is.
            let renew = incomplete && !self.is_shared(item);
            self.tasks.push(if renew { Task::Fresh(item) } else { Task::Save(item) });
        }
    }

    /// Writes a container that has the contents of one in the graph, and is none there.
    fn fresh(&mut self, id: Id) -> Result<()> {
        self.output.begin()?;
        let graph = self.graph;
        match graph.node(id) {
            Node::List(run) => self.container(None, ChangeKind::Append, graph.ids(run)),
            Node::Dict(run) => self.container(None, ChangeKind::SetItems, graph.ids(run)),
            Node::Set(run) => self.container(None, ChangeKind::AddItems, graph.ids(run)),
            _ => self.save(id),
        }
    }

    /// A set as a call with a list, for protocols without sets.
    fn set_of_list(&mut self, id: Id, name: &'static str, elements: &'g [Id]) -> Result<()> {
        // A set is in the memo only after its elements. Meeting it among them is fine as long as something on the way
        // is new to the memo; otherwise there would be no end.
        let memoized = self.memoized;
        if self.enter(id).is_some_and(|before| before.memoized == memoized) {
            return Err(Unwritable::CyclicSet.into());
        }
        self.output.global(self.output.builtins(), name)?;
        self.tasks.push(Task::Finish(id, Opcode::Reduce));
        self.tasks.push(Task::Wrap(1));
        self.tasks.push(Task::FreshList(elements));
        Ok(())
    }

    fn global(&mut self, id: Id, module: Id, name: Id) -> Result<()> {
        let protocol = self.output.protocol();
        let texts = (self.graph.value(module).as_str(), self.graph.value(name).as_str());
        let (other_module, other_name) = match texts {
            (Some(module), Some(name)) => names_for(protocol, module, name),
            _ => (None, None),
        };
        if protocol >= 4 {
            self.tasks.push(Task::Finish(id, Opcode::StackGlobal));
            self.tasks.push(other_name.map_or(Task::Save(name), Task::Known));
            self.tasks.push(other_module.map_or(Task::Save(module), Task::Known));
            return Ok(());
        }
        let line = |text: Option<&'g str>| {
            let text = text.ok_or(Unwritable::GlobalName)?;
            let fits = !text.is_empty() && !text.contains('\n');
            if fits && (text.is_ascii() || protocol == 3) {
                Ok(text)
            } else {
                Err(Error::from(Unwritable::GlobalName))
            }
        };
        let (module, name) = (line(other_module.or(texts.0))?, line(other_name.or(texts.1))?);
        // Before protocol 4, a dot in a name is no step from one object to the next.
        let steps = if self.graph.names_are_plain() { 0 } else { usize::MAX };
        let names: Vec<&str> = name.splitn(steps.max(1), '.').collect();
        if names.iter().any(|name| name.is_empty()) {
            return Err(Unwritable::GlobalName.into());
        }
        for _ in 1..names.len() {
            self.output.global(self.output.builtins(), "getattr")?;
            self.output.open_tuple(2);
        }
        self.output.global_line(module, names[0]);
        for (position, name) in names.iter().enumerate().skip(1) {
            if position == 1 {
                self.output.memoize()?;
            }
            self.output.text(name.as_bytes())?;
            self.output.memoize()?;
            self.output.close_tuple(2)?;
            self.output.op(Opcode::Reduce);
        }
        self.memoize(id)
    }

    fn persistent(&mut self, id: Id, persistent: Id) -> Result<()> {
        if self.output.protocol() > 0 {
            // CPython has no place in the memo for persistent objects. Nested ones need it: they would be written
            // as often as they are used.
            let is_nested = matches!(self.graph.node(persistent), Node::Persistent(_) | Node::ReadOnly(_));
            let in_memo = is_nested || self.graph.first_change(id).is_some();
            let opcode = Opcode::BinPersId;
            self.tasks.push(if in_memo { Task::Finish(id, opcode) } else { Task::Op(opcode) });
            self.tasks.push(Task::Save(persistent));
            return Ok(());
        }
        let text = self.graph.value(persistent).as_str();
        let line = text.filter(|text| text.is_ascii() && !text.contains('\n'));
        let line = line.ok_or(Unwritable::PersistentId)?;
        self.output.emitter().line(Opcode::PersId, line.as_bytes());
        self.plain(id)
    }

    fn instance(
        &mut self,
        id: Id,
        construction: Construction,
        class: Id,
        args: Id,
        kwargs: Option<Id>,
    ) -> Result<()> {
        let protocol = self.output.protocol();
        let within = self.is_within_itself(id, args);
        match construction {
            Construction::Reduce => {
                self.tasks.push(Task::Finish(id, Opcode::Reduce));
                self.push_arguments(args, within);
                self.tasks.push(Task::Save(class));
            }
            Construction::NewObj if protocol >= 2 => {
                self.tasks.push(Task::Finish(id, Opcode::NewObj));
                self.push_arguments(args, within);
                self.tasks.push(Task::Save(class));
            }
            Construction::NewObj => {
                let items = self.arguments(args)?;
                self.output.global(self.output.copyreg(), "__newobj__")?;
                self.output.open_tuple(1 + items.len());
                self.tasks.push(Task::Finish(id, Opcode::Reduce));
                self.tasks.push(Task::Wrap(1 + items.len()));
                self.push_items_of_call(items, within);
                self.tasks.push(Task::Save(class));
            }
            Construction::NewObjEx => {
                if protocol >= 4 {
                    self.tasks.push(Task::Finish(id, Opcode::NewObjEx));
                } else {
                    self.output.global(self.output.copyreg(), "__newobj_ex__")?;
                    self.output.open_tuple(3);
                    self.tasks.push(Task::Finish(id, Opcode::Reduce));
                    self.tasks.push(Task::Wrap(3));
                }
                match kwargs {
                    Some(kwargs) => self.tasks.push(Task::Save(kwargs)),
                    None => self.tasks.push(Task::Op(Opcode::EmptyDict)),
                }
                self.push_arguments(args, within);
                self.tasks.push(Task::Save(class));
            }
            Construction::Instantiate => {
                let items = self.arguments(args)?;
                self.output.op(Opcode::Mark);
                match self.class_lines(class) {
                    Some((module, name)) if protocol == 0 => {
                        self.tasks.push(Task::Inst(id, module, name));
                        self.push_items_of_call(items, within);
                    }
                    // A class that is more than a name takes OBJ, which readers of protocol 0 know as well.
                    _ => {
                        self.tasks.push(Task::Finish(id, Opcode::Obj));
                        self.push_items_of_call(items, within);
                        self.tasks.push(Task::Save(class));
                    }
                }
            }
        }
        Ok(())
    }

    /// The names of a class that INST can name.
    fn class_lines(&self, class: Id) -> Option<(&'g str, &'g str)> {
        let Node::Global { module, name } = self.graph.node(class) else { return None };
        let texts = (self.graph.value(module).as_str()?, self.graph.value(name).as_str()?);
        let (other_module, other_name) = names_for(self.output.protocol(), texts.0, texts.1);
        let (module, name) = (other_module.unwrap_or(texts.0), other_name.unwrap_or(texts.1));
        let is_line = |text: &str| !text.is_empty() && text.is_ascii() && !text.contains('\n');
        let changed = self.graph.first_change(class).is_some();
        let fits = is_line(module) && is_line(name) && !name.contains('.') && !changed;
        fits.then_some((module, name))
    }

    /// The single arguments.
    fn arguments(&self, args: Id) -> Result<&'g [Id]> {
        match self.graph.node(args) {
            Node::Tuple(run) if self.graph.first_change(args).is_none() => Ok(self.graph.ids(run)),
            _ => Err(Unwritable::Arguments.into()),
        }
    }

    /// Whether a buffer or container is used more than once. Buffers that are not have no place in the memo, as CPython
    /// writes them.
    fn is_shared(&mut self, id: Id) -> bool {
        let graph = self.graph;
        let shared = self.shared.get_or_insert_with(|| {
            let children = graph.values().flat_map(|value| value.children().map(|(_, child)| child.id()));
            let mut seen = HashSet::default();
            let counts = |id: &Id| {
                matches!(
                    graph.node(*id),
                    Node::Buffer(_) | Node::ReadOnly(_) | Node::List(_) | Node::Dict(_) | Node::Set(_)
                )
            };
            children.chain([graph.root().id()]).filter(counts).filter(|&id| !seen.insert(id)).collect()
        });
        shared.contains(&id)
    }

    fn buffer(&mut self, id: Id) -> Result<()> {
        let value = self.graph.value(id);
        if self.output.protocol() >= 5 {
            let memoize = self.is_shared(id) || self.graph.first_change(id).is_some();
            if let Some(viewed) = value.as_read_only() {
                let opcode = Opcode::ReadonlyBuffer;
                self.tasks.push(if memoize { Task::Finish(id, opcode) } else { Task::Op(opcode) });
                self.tasks.push(Task::Save(viewed.id()));
                return Ok(());
            }
            self.buffers.extend(value.as_buffer());
            self.output.op(Opcode::NextBuffer);
            return if memoize { self.memoize(id) } else { Ok(()) };
        }
        let content = value.as_bytes().ok_or(Unwritable::Buffer)?;
        let index = match value.as_buffer() {
            Some(_) => self.output.bytearray(content)?,
            None => self.output.bytes(content)?,
        };
        self.remember(id, index)
    }
}
