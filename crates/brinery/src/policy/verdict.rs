//! What an examination comes to.

use super::examine::{Examiner, Uses};
use super::memory::Memory;
use super::need::Need;
use super::policy::Policy;
use super::rule::Rule;
use super::source::Checked;
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::read::{Fetches, Machine, Source};
use crate::value::Graph;

/// A global that a stream names, and what it uses it as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalUse {
    /// The module, as the stream has it.
    pub raw_module: String,
    /// The name, as the stream has it.
    pub raw_name: String,
    /// The module's name in Python 3.
    pub module: String,
    /// The name in Python 3.
    pub name: String,
    /// What it is used as.
    pub uses: Uses,
}

/// A stream that has been examined.
#[derive(Debug)]
pub struct Examined<'a> {
    /// The objects, inert.
    pub graph: Graph<'a>,
    /// The globals, in the order in which the stream names them.
    pub globals: Vec<GlobalUse>,
    /// What would have to be granted.
    pub needs: Vec<Need>,
    /// Which objects the stream fetches from the memo, if it stores them one after the other.
    pub fetches: Option<Fetches>,
    /// How many bytes the pickle has.
    pub end: usize,
}

/// How a stream is examined.
///
/// ```
/// use brinery::policy::{Examination, Policy};
///
/// let examined = Examination::new(&Policy::data()).run(b"\x80\x04]\x94.").unwrap();
/// assert_eq!((examined.graph.to_string().as_str(), examined.end), ("[]", 5));
/// ```
#[derive(Clone, Debug)]
pub struct Examination<'p, 'a> {
    policy: &'p Policy,
    options: Options<'a>,
    fix_imports: bool,
    collect: bool,
    trailing: bool,
}

impl<'p, 'a> Examination<'p, 'a> {
    /// An examination under a policy, which stops at the first thing that is not granted.
    pub fn new(policy: &'p Policy) -> Self {
        Examination {
            policy,
            options: Options::new(),
            fix_imports: true,
            collect: false,
            trailing: policy.trailing,
        }
    }

    /// How the objects are kept.
    #[must_use]
    pub fn options(mut self, options: Options<'a>) -> Self {
        self.options = options;
        self
    }

    /// Whether streams of protocols below 3 have the names of Python 2.
    #[must_use]
    pub fn fix_imports(mut self, fix: bool) -> Self {
        self.fix_imports = fix;
        self
    }

    /// Whether bytes may come after the pickle, whatever the policy says.
    #[must_use]
    pub fn trailing_data(mut self, allowed: bool) -> Self {
        self.trailing |= allowed;
        self
    }

    /// Whether all that is not granted is collected, as if it were. Budgets and grammar hold in any case.
    #[must_use]
    pub fn collect_needs(mut self, collect: bool) -> Self {
        self.collect = collect;
        self
    }

    /// Examines the pickle in `input`.
    ///
    /// # Errors
    ///
    /// If the stream breaks a [rule](Rule), which [`Error::rule`] tells.
    pub fn run(&self, input: &'a [u8]) -> Result<Examined<'a>> {
        let limits = &self.policy.limits;
        if let Some(source) = Checked::unpriced(input, limits) {
            let examined = self.run_on(source, input, Memory::new(input, limits));
            if !examined.as_ref().is_err_and(|error| error.rule() == Some(Rule::BudgetMemory)) {
                return examined;
            }
            // Where there is too little is told by counting all.
        }
        self.run_on(Checked::new(input, limits), input, Memory::counted(limits))
    }

    fn run_on<const PRICED: bool>(
        &self,
        mut source: Checked<'a, PRICED>,
        input: &'a [u8],
        memory: Memory<'a, 'p>,
    ) -> Result<Examined<'a>> {
        let graph = self.options.clone().prepare()?;
        let mut examiner = Examiner::new(graph, self.policy, (input.len(), memory), self.fix_imports);
        examiner.needs = self.collect.then(Vec::new);
        let root = Machine::new().run(&mut source, &mut examiner)?;
        let end = source.offset();
        examiner.finish(root).map_err(|error| error.at_offset(end.saturating_sub(1)))?;
        if !source.rest().is_empty() && !self.trailing {
            return Err(Error::refused(Rule::GrammarTrailing, Rule::GrammarTrailing.meaning()).at_offset(end));
        }
        let globals = examiner.globals.drain(..).map(|known| GlobalUse {
            raw_module: known.raw.0,
            raw_name: known.raw.1,
            module: known.key.0,
            name: known.key.1,
            uses: known.uses,
        });
        let globals = globals.collect();
        let needs = examiner.needs.take().unwrap_or_default();
        let fetches = examiner.take_fetches();
        Ok(Examined { graph: examiner.builder.finish(root), globals, needs, fetches, end: end as usize })
    }
}

/// What a policy says to a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// All that the stream does is granted.
    Clean,
    /// The stream does what is not granted: the first such thing, and all of them.
    Needs(Error, Vec<Need>),
    /// The stream is not a pickle as picklers write it.
    Malformed(Error),
    /// The stream costs more than it may.
    Budget(Error),
}

impl Verdict {
    /// Whether all is granted.
    ///
    /// ```
    /// use brinery::policy::{Policy, examine};
    ///
    /// assert!(examine(b"N.", &Policy::data()).is_clean());
    /// ```
    pub fn is_clean(&self) -> bool {
        matches!(self, Verdict::Clean)
    }

    /// Why the stream is refused, and where.
    ///
    /// ```
    /// use brinery::policy::{Policy, examine};
    ///
    /// assert_eq!(examine(b"cos\nsystem\n.", &Policy::data()).error().unwrap().offset(), Some(0));
    /// ```
    pub fn error(&self) -> Option<&Error> {
        match self {
            Verdict::Clean => None,
            Verdict::Needs(error, _) | Verdict::Malformed(error) | Verdict::Budget(error) => Some(error),
        }
    }

    /// All that would have to be granted.
    ///
    /// ```
    /// use brinery::policy::{Policy, Use, examine};
    ///
    /// let verdict = examine(b"\x80\x02cshop\nOrder\n)\x81.", &Policy::data());
    /// assert!(matches!(verdict.needs()[1].used, Use::Construct { .. }));
    /// ```
    pub fn needs(&self) -> &[Need] {
        match self {
            Verdict::Needs(_, needs) => needs,
            _ => &[],
        }
    }
}

/// Says what a policy says to a stream. Nothing that the stream names is imported, called or created.
pub fn examine(input: &[u8], policy: &Policy) -> Verdict {
    let examination = Examination::new(policy);
    let Err(error) = examination.run(input) else { return Verdict::Clean };
    let rule = match error.kind() {
        ErrorKind::Refused(rule, _) => *rule,
        _ => Rule::Malformed,
    };
    if rule.is_budget() {
        return Verdict::Budget(error);
    }
    if rule.is_grammar() {
        return Verdict::Malformed(error);
    }
    let needs =
        examination.collect_needs(true).run(input).map_or_else(|_| Vec::new(), |examined| examined.needs);
    Verdict::Needs(error, needs)
}
