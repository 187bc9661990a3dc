//! How much a stream may cost.

/// How many objects made by calls may be within each other at most. Those of many types written in C are given up by recursion,
/// which takes the stack of whoever does that.
pub const MOST_NESTED_CALLS: usize = 1000;

/// How many of them an array that holds objects counts for.
pub const ARRAY_OF_OBJECTS: usize = 8;

/// Budgets of a load. What is not set has a default that depends on the size of the input.
///
/// ```
/// use brinery::policy::Limits;
///
/// let limits = Limits::default();
/// assert_eq!(limits.memory_for(1000), 64 << 20);
/// assert_eq!(limits.memory_for(10 << 20), 320 << 20);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The bytes of memory that the objects may take: 64 MiB, or 32 times the input if that is more.
    pub memory: Option<u64>,
    /// The number of opcodes: as many as the input has bytes.
    pub opcodes: Option<u64>,
    /// How deep objects may be nested: 100,000.
    pub depth: Option<u64>,
    /// The objects looked at while keys are hashed: a million, or 16 times the input.
    pub hash_work: Option<u64>,
    /// How many keys of one dict or set may have one hash: 64.
    pub collisions: Option<u64>,
    /// The objects looked at by checks: 4 million, or 16 times the input.
    pub work: Option<u64>,
    /// Milliseconds of processor time for making the objects: 3000, and one for every 20,000 bytes.
    pub milliseconds: Option<u64>,
}

impl Limits {
    /// The names of the budgets, and their values where they are set.
    pub(super) fn entries(&self) -> [(&'static str, Option<u64>); 7] {
        [
            ("memory", self.memory),
            ("opcodes", self.opcodes),
            ("depth", self.depth),
            ("hash_work", self.hash_work),
            ("collisions", self.collisions),
            ("work", self.work),
            ("milliseconds", self.milliseconds),
        ]
    }

    /// Sets a budget by its name; whether there is such a one.
    pub(super) fn set(&mut self, name: &str, value: u64) -> bool {
        let field = match name {
            "memory" => &mut self.memory,
            "opcodes" => &mut self.opcodes,
            "depth" => &mut self.depth,
            "hash_work" => &mut self.hash_work,
            "collisions" => &mut self.collisions,
            "work" => &mut self.work,
            "milliseconds" => &mut self.milliseconds,
            _ => return false,
        };
        *field = Some(value);
        true
    }

    /// The bytes of memory for an input of this size.
    pub fn memory_for(&self, input: usize) -> u64 {
        self.memory.unwrap_or((64 << 20).max(32 * input as u64))
    }

    /// The number of opcodes for an input of this size.
    pub fn opcodes_for(&self, input: usize) -> u64 {
        self.opcodes.unwrap_or(input as u64)
    }

    /// How deep objects may be nested.
    pub fn depth(&self) -> usize {
        usize::try_from(self.depth.unwrap_or(100_000)).unwrap_or(usize::MAX)
    }

    /// The work of hashing for an input of this size.
    pub fn hash_work_for(&self, input: usize) -> u64 {
        self.hash_work.unwrap_or(1_000_000.max(16 * input as u64))
    }

    /// How many keys of one container may have one hash.
    pub fn collisions(&self) -> u64 {
        self.collisions.unwrap_or(64)
    }

    /// The work of checking for an input of this size.
    pub fn work_for(&self, input: usize) -> u64 {
        self.work.unwrap_or(4_000_000.max(16 * input as u64))
    }

    /// The time for an input of this size.
    pub fn milliseconds_for(&self, input: usize) -> u64 {
        self.milliseconds.unwrap_or(3000 + input as u64 / 20_000)
    }

    /// The larger budget of each.
    pub(super) fn union(&self, other: &Limits) -> Limits {
        let mut union = self.clone();
        for (name, value) in other.entries() {
            if let Some(value) = value {
                let mine =
                    union.entries().into_iter().find(|entry| entry.0 == name).and_then(|entry| entry.1);
                union.set(name, mine.map_or(value, |mine| mine.max(value)));
            }
        }
        union
    }
}
