//! What goes into containers: how deep it is, what hashing it takes, and what is known of it there.

use super::*;

impl Facts<'_, '_> {
    /// A value goes into another, or is what the stream makes.
    #[inline(always)]
    pub(crate) fn use_value(&mut self, fact: &Fact) {
        if let Kind::Global(id) | Kind::Module(id) = fact.kind {
            self.named[id as usize].used = true;
        }
    }

    /// The same, if it becomes what the program gets a hold of.
    pub(super) fn name_value(&mut self, fact: &Fact) {
        if let Kind::Global(id) | Kind::Module(id) = fact.kind {
            self.named[id as usize].valued = true;
        }
    }

    /// Whether all values from here on up the stack are known to be [quiet](Fact::is_quiet), so that it need not be asked of
    /// each of them.
    #[inline(always)]
    pub(super) fn are_quiet(&self, items: &Items<'_, Fact>) -> bool {
        let quiet = !self.louder && items.start() >= self.loud;
        debug_assert!(!quiet || items.as_slice().iter().all(Fact::is_quiet));
        quiet
    }

    /// Takes items off the stack. What is there then need not be quiet, nor what may come in their place; beyond that is
    /// nothing yet.
    #[inline(always)]
    pub(super) fn take_items(&mut self, items: Items<'_, Fact>) {
        let (stack, start) = items.into_stack();
        stack.truncate(start);
        (self.loud, self.louder) = (start + 1, false);
    }

    /// The same for items that a container has got, which is so deep with them.
    #[inline(always)]
    pub(super) fn put_items(&mut self, items: Items<'_, Fact>, (depth, weight): (u32, f32)) {
        let (stack, start) = items.into_stack();
        stack.truncate(start);
        let container = &mut stack[start - 1];
        container.depth = container.depth.max(depth);
        match container.kind {
            Kind::Set | Kind::Frozen(_) => {}
            Kind::Made { global, .. } => {
                let named = &mut self.named[global as usize];
                named.grows = true;
                if named.heavy {
                    self.heavy += 1;
                    container.depth = container.depth.max(depth - 1 + CALL);
                }
                self.contents.grow(container, weight);
            }
            _ => self.contents.grow(container, weight),
        }
        (self.loud, self.louder) = (start, false);
    }

    /// How deep a container of these items is.
    #[inline(always)]
    pub(super) fn deepest(&mut self, items: &[Fact]) -> u32 {
        let (mut depth, mut names) = (0, false);
        for item in items {
            depth = depth.max(item.depth);
            names |= matches!(item.kind, Kind::Global(_) | Kind::Module(_));
        }
        if names || depth >= DEEP {
            self.contain_odd(items, depth);
        }
        self.grants.deepest = self.grants.deepest.max(depth);
        depth + 1
    }

    /// What a container of these items is: how deep, and how much work it is to hash it.
    #[inline(always)]
    pub(super) fn contain(&mut self, items: &Items<'_, Fact>) -> (u32, f32) {
        if self.are_quiet(items) && items.len() < 1 << 24 {
            return (1, 1.0 + items.len() as f32);
        }
        let items = items.as_slice();
        (self.deepest(items), items.iter().fold(1.0, |weight, item| weight + item.hashed()))
    }

    /// How deep a list or the like of these items is, and how much it holds with them.
    #[inline(always)]
    pub(super) fn depth_of(&mut self, items: &Items<'_, Fact>) -> (u32, f32) {
        if self.are_quiet(items) {
            return (1, items.len() as f32);
        }
        let items = items.as_slice();
        (self.deepest(items), self.contents.held(items))
    }

    #[cold]
    pub(super) fn contain_odd(&mut self, items: &[Fact], depth: u32) {
        for item in items {
            self.use_value(item);
            self.name_value(item);
        }
        if depth >= DEEP {
            self.tell_budget(3, "budget-depth", "objects are nested too deep".into());
        }
    }

    /// Something becomes a key or an element.
    #[inline(always)]
    pub(super) fn hash(&mut self, key: &Fact) {
        // How much is looked at where a call made it of more than plain values is not known, and lists have no hash.
        self.grants.unsure |= match key.kind {
            Kind::Made { .. } => key.depth > CALL + 1,
            Kind::Bytes(_) => self.grants.has_bytearrays,
            _ => has_no_hash(key),
        };
        if key.weight > 1.0 {
            self.hash_work += f64::from(key.weight);
            if key.depth > 5_000 {
                self.tell_budget(4, "budget-depth", format!("a key is nested {} levels deep", key.depth));
            }
        }
    }

    /// Takes note of what a list gets that has no hash.
    #[inline(always)]
    pub(super) fn heed_unhashable(&mut self, items: &[Fact]) {
        if !self.grants.unhashable {
            self.grants.unhashable = items.iter().any(has_no_hash);
        }
    }

    /// Takes note of an integer or a tuple of whose hash there have been so many others.
    #[inline(always)]
    pub(super) fn heed_collisions(&mut self, others: u32, of: &str) {
        if others > 0 {
            self.collide(others, of);
        }
    }

    #[cold]
    fn collide(&mut self, others: u32, of: &str) {
        self.hash_work += f64::from(others);
        if others >= collisions::MOST {
            let most = collisions::MOST;
            let message =
                format!("over {most} {of} are made to have one hash, which makes dicts and sets slow");
            self.tell_budget(5, "budget-collisions", message);
        }
    }

    #[inline(always)]
    pub(super) fn set_pairs(&mut self, dict: Option<u32>, items: &Items<'_, Fact>) -> (u32, f32) {
        let (pairs, quiet) = (items.as_slice(), self.are_quiet(items));
        if quiet {
            self.grants.unsure |= pairs.as_chunks::<2>().0.iter().any(|pair| has_no_hash(&pair[0]));
            self.grants.unsure |= self.grants.has_bytearrays;
        } else {
            self.heed_keys(dict, pairs);
        }
        if !self.keywords.is_empty()
            && let Some(id) = dict
        {
            self.judge_keywords(id);
        }
        if self.grants.keeps_state
            && let Some(id) = dict
        {
            let state = &mut self.grants.state;
            // What is put into it in more than one go is not kept.
            let fits = pairs.len() <= 2 && state.0 != id;
            *state = (id, if fits { pairs.to_vec() } else { Vec::new() });
        }
        if self.keeps_items
            && let Some(id) = dict
        {
            if self.last_items.0 != id {
                self.last_items = (id, Vec::new());
            }
            if self.last_items.1.len() < 32 {
                self.last_items.1.extend_from_slice(&pairs[..pairs.len().min(32)]);
            }
        }
        if quiet { (1, pairs.len() as f32) } else { (self.deepest(pairs), self.contents.held(pairs)) }
    }

    #[inline(always)]
    pub(super) fn heed_keys(&mut self, dict: Option<u32>, pairs: &[Fact]) {
        for pair in pairs.as_chunks::<2>().0 {
            match pair[0].kind {
                Kind::Hook(at) => {
                    let harmless = is_value(&pair[1]) && is_way_in(&self.text_at(at));
                    if let Some(id) = dict.filter(|_| !harmless) {
                        if self.hooks.len() >= HOOKED {
                            let message = "has very many dicts with the names of hooks in them".into();
                            self.tell_budget(8, "budget-hooks", message);
                            continue;
                        }
                        let hooks = self.hooks.entry(id).or_default();
                        if hooks.len() < 16 {
                            hooks.push(at);
                        }
                    }
                }
                _ => self.hash(&pair[0]),
            }
        }
    }

    /// A value that goes onto the stack, of which nothing is known.
    #[inline(always)]
    pub(super) fn heed(&mut self, value: Fact) -> Fact {
        // What else is quiet is not worth the question.
        match value.kind {
            Kind::Text(_) => return value,
            Kind::List | Kind::Dict(_) => self.unsounded += 1,
            Kind::Made { global, .. } => self.unsounded += u32::from(self.named[global as usize].grows),
            _ => {}
        }
        self.louder = true;
        consumed::copied(value)
    }

    /// A dict becomes a state. That of one object is that of no other; one that is given out again and again costs time.
    pub(crate) fn count_state(&mut self, dict: u32) {
        if self.states.contains(&dict) {
            self.repeated += 1;
            if self.repeated > REPEATED {
                self.tell_budget(
                    7,
                    "budget-state",
                    "gives one state to objects over and over, which takes time".into(),
                );
            }
        } else {
            self.states[self.repeated_at] = dict;
            self.repeated_at = (self.repeated_at + 1) % self.states.len();
        }
    }

    /// An integer of so many bytes, beyond those that are known.
    #[inline(always)]
    pub(super) fn number(&mut self, len: usize) -> Fact {
        let mut number = Fact::new(Kind::PLAIN);
        if len as f32 > HUGE {
            (number.weight, self.louder) = (len as f32, true);
        }
        number
    }

    /// A container that is made with its items.
    #[inline(always)]
    pub(super) fn filled(&mut self, kind: Kind, depth: u32, weight: f32) -> Fact {
        let mut container = Fact { kind, depth, weight: 1.0 };
        self.contents.grow(&mut container, weight);
        container
    }

    pub(super) fn new_dict(&mut self) -> Kind {
        self.allocate(DICT);
        self.dicts = self.dicts.wrapping_add(1);
        Kind::Dict(self.dicts)
    }

    /// The class that a persistent ID of torch's older files stands for: it comes with its source text.
    pub(super) fn class_of_module(&self, id: &Fact) -> Option<Fact> {
        let Kind::Tuple(place) = id.kind else { return None };
        let (items, true) = self.shelf.get(place)? else { return None };
        match *items {
            [word, class @ Fact { kind: Kind::Global(_), .. }, _, _] => {
                (self.text(&word).as_deref() == Some("module")).then_some(class)
            }
            _ => None,
        }
    }

    /// Something is called or constructed, and may be anything then.
    pub(super) fn operate(&mut self) {
        self.operations += 1;
        self.louder = true;
        self.allocate(OBJECT);
    }
}

/// Whether a value has no hash, or may have none: a set may be a frozenset.
#[inline(always)]
fn has_no_hash(value: &Fact) -> bool {
    matches!(value.kind, Kind::List | Kind::Dict(_) | Kind::Set | Kind::Frozen(_))
}

/// Whether a value is none that can be called.
fn is_value(fact: &Fact) -> bool {
    matches!(
        fact.kind,
        Kind::Plain(_)
            | Kind::Int(_)
            | Kind::Text(_)
            | Kind::Bytes(_)
            | Kind::List
            | Kind::Set
            | Kind::Frozen(_)
            | Kind::Dict(_)
    )
}
