//! The rules that a load under a policy can break.

use std::fmt;

/// A rule, by whose id programs tell one refusal from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// The stream is no pickle.
    Malformed,
    /// `PROTO` comes once, and first.
    GrammarProto,
    /// No opcode is above the protocol that the stream declares.
    GrammarOpcode,
    /// Opcodes and their arguments end where their frame ends.
    GrammarFrame,
    /// Numbers in text are written in base 10, without signs or spaces that no pickler writes.
    GrammarNumber,
    /// Nothing comes after the pickle.
    GrammarTrailing,
    /// The memory that the objects take.
    BudgetMemory,
    /// The number of opcodes.
    BudgetOpcodes,
    /// How deep objects are nested.
    BudgetDepth,
    /// The work of hashing keys.
    BudgetHash,
    /// The work of checking.
    BudgetWork,
    /// The time.
    BudgetTime,
    /// The policy does not know the global at all.
    Global,
    /// The global may not appear as a value.
    Value,
    /// The class may not be constructed, or not of these arguments.
    Construct,
    /// The global may not be called, or not with these arguments.
    Call,
    /// The object may not be given state, or not this one.
    State,
    /// The object may not be extended by items.
    Extend,
    /// An attribute that may not be asked for.
    Attribute,
    /// What is changed was not made by this stream.
    Ownership,
    /// An extension code.
    Extension,
    /// A persistent id.
    Persistent,
    /// An out-of-band buffer.
    Buffer,
    /// What the policy allows is not there, or is something else.
    Resolve,
    /// The result is not of the type that was asked for.
    Type,
}

impl Rule {
    /// The id of the rule.
    ///
    /// ```
    /// assert_eq!(brinery::policy::Rule::BudgetMemory.id(), "budget.memory");
    /// ```
    pub const fn id(self) -> &'static str {
        match self {
            Rule::Malformed => "malformed",
            Rule::GrammarProto => "grammar.proto",
            Rule::GrammarOpcode => "grammar.opcode",
            Rule::GrammarFrame => "grammar.frame",
            Rule::GrammarNumber => "grammar.number",
            Rule::GrammarTrailing => "grammar.trailing",
            Rule::BudgetMemory => "budget.memory",
            Rule::BudgetOpcodes => "budget.opcodes",
            Rule::BudgetDepth => "budget.depth",
            Rule::BudgetHash => "budget.hash",
            Rule::BudgetWork => "budget.work",
            Rule::BudgetTime => "budget.time",
            Rule::Global => "global",
            Rule::Value => "global.value",
            Rule::Construct => "global.construct",
            Rule::Call => "global.call",
            Rule::State => "global.state",
            Rule::Extend => "global.extend",
            Rule::Attribute => "global.attribute",
            Rule::Ownership => "ownership",
            Rule::Extension => "extension",
            Rule::Persistent => "persistent",
            Rule::Buffer => "buffer",
            Rule::Resolve => "resolve",
            Rule::Type => "type",
        }
    }

    /// What it means to break the rule.
    ///
    /// ```
    /// use brinery::policy::Rule;
    ///
    /// assert_eq!(Rule::GrammarTrailing.meaning(), "there is more after the pickle");
    /// ```
    pub const fn meaning(self) -> &'static str {
        match self {
            Rule::GrammarProto => "PROTO is not the first opcode, or declares no protocol from 2 on",
            Rule::GrammarOpcode => "an opcode above the protocol that the stream declares",
            Rule::GrammarFrame => "the stream does not keep to its frames",
            Rule::GrammarNumber => "a number that is not written as picklers write it",
            Rule::GrammarTrailing => "there is more after the pickle",
            Rule::BudgetMemory => "the objects take more memory than the stream may cost",
            Rule::BudgetOpcodes => "more opcodes than the stream may have",
            Rule::BudgetDepth => "objects are nested deeper than they may be",
            Rule::BudgetHash => "hashing the keys is more work than the stream may cost",
            Rule::BudgetWork => "checking is more work than the stream may cost",
            Rule::BudgetTime => "loading takes more time than the stream may cost",
            _ => "the policy does not grant this",
        }
    }

    /// Whether the rule is about how much a stream may cost.
    ///
    /// ```
    /// assert!(brinery::policy::Rule::BudgetHash.is_budget());
    /// ```
    pub fn is_budget(self) -> bool {
        self.id().starts_with("budget.")
    }

    /// Whether the rule is about how a stream is written.
    ///
    /// ```
    /// assert!(brinery::policy::Rule::GrammarFrame.is_grammar());
    /// ```
    pub fn is_grammar(self) -> bool {
        self == Rule::Malformed || self.id().starts_with("grammar.")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
