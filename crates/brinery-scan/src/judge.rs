//! What is to be thought of what a stream does.
//!
//! The rules, in short (the page `docs/concepts/scanning.md` has them at length):
//!
//! - Naming something that no honest pickle names is dangerous, whatever is done with it.
//! - Calling is dangerous unless the function is known for it, or is a class that takes no text but words, or belongs to the
//!   program itself and is a class, by its name a maker of objects, or gets no text but words: what nobody else has needs to be
//!   granted.
//! - Constructing and giving state need to be granted, unless a rule says that they reach something.
//! - Only what the stream has made may be changed.

mod arguments;
mod change;
mod construct;
mod rules;

use crate::fact::{Extra, Fact, Kind, Outside};
use crate::facts::{Facts, made};
use crate::known::{self, Rule, Shape, Standing};
use crate::report::Verdict;

/// The rules that a policy can overrule: it may know the function that nobody else knows, and what that returns.
pub(crate) const UNKNOWN_CALL: &str = "call-unknown";
pub(crate) const UNKNOWN_CHANGED: &str = "change-unknown";

/// A call of a value that is no function: loaders fail there.
pub(crate) const CALL_VALUE: &str = "call-value";

/// How many partials of one stream are known.
const PARTIALS: usize = 1 << 16;

/// The kinds of uses that are told once for each global.
const TOLD_VALUE: u8 = 1;
const TOLD_NEW: u8 = 2;
const TOLD_CALL: u8 = 4;
const TOLD_STATE: u8 = 8;
const TOLD_EXTEND: u8 = 16;

impl Facts<'_, '_> {
    /// Adds a finding about a global.
    pub(crate) fn about(
        &mut self,
        id: u32,
        verdict: Verdict,
        rule: &'static str,
        args: Option<&Fact>,
        message: String,
    ) {
        if self.is_full(verdict) {
            self.settle(verdict, rule);
            self.unsaid += 1;
            return;
        }
        let global = self.named[id as usize].full();
        let arguments = args.map(|args| self.show(args, 2));
        if let Some(finding) = self.find(verdict, rule, message) {
            finding.global = Some(global);
            finding.arguments = arguments;
        }
    }

    /// Says once for each kind of use that a global needs to be granted it.
    pub(crate) fn need(&mut self, id: u32, told: u8, args: Option<&Fact>, use_of_it: &str) {
        let named = &mut self.named[id as usize];
        named.used = true;
        if named.told & told != 0 {
            return;
        }
        named.told |= told;
        let message = format!("{use_of_it} {}", named.full());
        let rule = match told {
            TOLD_NEW => "needs-construct",
            TOLD_CALL => "needs-call",
            TOLD_STATE => "needs-state",
            TOLD_EXTEND => "needs-extend",
            _ => "needs-value",
        };
        self.about(id, Verdict::Needs, rule, args, message);
    }

    /// A name is resolved.
    pub(crate) fn judge_mention(&mut self, id: u32) {
        let named = &self.named[id as usize];
        if let Standing::Forbidden(effect) = named.standing {
            let message = format!("names {}, which {}", named.full(), effect.sentence);
            self.about(id, Verdict::Dangerous, "forbidden-global", None, message);
            if let Some(finding) = self.findings.last_mut() {
                finding.category = Some(effect.category);
            }
        }
    }

    /// The stream is over: whatever was resolved and not used was resolved for the sake of importing.
    pub(crate) fn judge_unused(&mut self) {
        for id in 0..self.named.len() as u32 {
            let named = &self.named[id as usize];
            if matches!(named.standing, Standing::Forbidden(_)) {
                continue;
            }
            self.at = named.offset;
            let mention = named.standing == Standing::Granted(Rule::Mention);
            let granted = matches!(named.standing, Standing::Granted(_)) && !mention;
            if mention && self.gives {
                let message = format!("names {}, and gives containers to what it calls", named.full());
                self.about(id, Verdict::Dangerous, "forbidden-global", None, message);
            } else if !named.used && !granted {
                let message =
                    format!("imports {} and throws it away, as if importing it were the point", named.module);
                self.about(id, Verdict::Dangerous, "unused-import", None, message);
            } else if named.told == 0 && !granted {
                self.need(id, TOLD_VALUE, None, "refers to");
            }
        }
    }

    pub(crate) fn dangerous_call(&mut self, id: u32, args: &Fact, rule: &'static str, why: &str) -> Fact {
        let named = &mut self.named[id as usize];
        named.used = true;
        if !matches!(named.standing, Standing::Forbidden(_)) || named.told & TOLD_CALL == 0 {
            named.told |= TOLD_CALL;
            if self.is_full(Verdict::Dangerous) {
                self.settle(Verdict::Dangerous, rule);
                self.unsaid += 1;
            } else {
                let message = format!("calls {}{why}", self.named[id as usize].full());
                self.about(id, Verdict::Dangerous, rule, Some(args), message);
            }
        }
        Fact::new(Kind::Result)
    }

    /// `REDUCE`, and `INST` and `OBJ` with arguments.
    pub(crate) fn judge_call(&mut self, callable: &Fact, args: &Fact) -> Fact {
        self.use_value(callable);
        if let Kind::Global(id) = callable.kind {
            if let Some(number) = self.named[id as usize].number {
                self.heed_number(number, args);
            }
            if self.is_plain_call(id, args) {
                return made(id, Extra::None);
            }
        }
        self.heed_args(args);
        let id = match callable.kind {
            Kind::Global(id) => id,
            Kind::Outside(Outside::Extension) => return Fact::new(Kind::Result),
            _ => {
                self.grants.unsure = true;
                let what = match callable.kind {
                    Kind::Module(_) => "a module",
                    Kind::Made { global, extra: Extra::Code } => {
                        let what = self.named[global as usize].full();
                        let message = format!(
                            "calls a function or class that the stream brings itself, made by {what}"
                        );
                        self.about(global, Verdict::Dangerous, "call-own-code", Some(args), message);
                        return Fact::new(Kind::Result);
                    }
                    Kind::Made { global, extra: Extra::CodeType } => {
                        self.need(global, TOLD_CALL, None, "brings functions or classes of its own by");
                        return made(global, Extra::Code);
                    }
                    Kind::Made { global, extra: Extra::New } => {
                        return self.judge_new(&Fact::new(Kind::Global(global)), args, None);
                    }
                    Kind::Made { extra: Extra::Partial(partial), .. } => {
                        return self.judge_partial(partial, args);
                    }
                    Kind::Made { global, extra: Extra::None | Extra::Fresh }
                        if self.may_call(global, args) =>
                    {
                        return made(global, Extra::Shared);
                    }
                    Kind::Made { global, .. } => {
                        let message = format!(
                            "calls an object that it has made of {}",
                            self.named[global as usize].full()
                        );
                        self.about(global, Verdict::Dangerous, "call-object", Some(args), message);
                        return Fact::new(Kind::Result);
                    }
                    Kind::Bound => "a method of an object",
                    Kind::Outside(Outside::Persistent) => "what the program's persistent_load returns",
                    Kind::Outside(_) => "a buffer",
                    Kind::Result => "the result of another call",
                    _ => "what is no function",
                };
                let rule = if what == "what is no function" { CALL_VALUE } else { "call-object" };
                let arguments = self.show(args, 2);
                if let Some(finding) = self.find(Verdict::Dangerous, rule, format!("calls {what}")) {
                    finding.arguments = Some(arguments);
                }
                return Fact::new(Kind::Result);
            }
        };
        if !matches!(self.named[id as usize].standing, Standing::Granted(_)) && self.is_weighed(id) {
            let items = self.args(args).items;
            self.weigh_call(id, Rule::Any, args, &items);
        }
        match self.named[id as usize].standing {
            Standing::Forbidden(effect) => {
                let message = format!("calls {}, which {}", self.named[id as usize].full(), effect.sentence);
                self.named[id as usize].used = true;
                self.about(id, Verdict::Dangerous, "forbidden-call", Some(args), message);
                if let Some(finding) = self.findings.last_mut() {
                    finding.category = Some(effect.category);
                }
                Fact::new(Kind::Result)
            }
            Standing::Granted(rule) => self.judge_granted(id, rule, args),
            Standing::Standard(Shape::Exception) => made(id, Extra::None),
            Standing::Standard(_) => self.dangerous_call(
                id,
                args,
                "call-standard",
                ", which no pickle of the standard library does",
            ),
            Standing::Package(Shape::Exception | Shape::Maker) | Standing::Stranger(Shape::Exception) => {
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::None)
            }
            Standing::Package(Shape::Class) => {
                let name = &self.named[id as usize].name;
                let (takes_code, is_text) = (known::takes_code(name), known::is_text_by_name(name));
                if !is_text && self.has_telling_text(args) || takes_code && self.may_hold_text(args, 0) {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-package",
                        " with text, which may be a path or code",
                    );
                }
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::None)
            }
            // As an attribute of the object it would be no other one.
            Standing::Stranger(Shape::Function)
                if known::is_method(&self.named[id as usize].name) && self.is_given_object(args) =>
            {
                self.dangerous_call(id, args, "call-object", ", a method of an object")
            }
            // It does what it always does, and people do not call it.
            Standing::Package(Shape::Function)
                if self.args(args).is_nothing() && known::is_private(&self.named[id as usize].name) =>
            {
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::Shared)
            }
            Standing::Package(Shape::Function) => self.dangerous_call(
                id,
                args,
                "call-package",
                ", a function of a package that anybody can reach",
            ),
            Standing::Stranger(Shape::Function) if known::is_change(&self.named[id as usize].name) => self
                .dangerous_call(id, args, "change-shared", ", which changes an object that it has not made"),
            // A function that by its name makes no object, and is given text: a command, a path or code for all anybody
            // knows. What it returns is its own and may be shared.
            Standing::Stranger(Shape::Function) => {
                if self.has_telling_text(args) && !known::is_lookup(&self.named[id as usize].name) {
                    self.dangerous_call(id, args, UNKNOWN_CALL, " with text, a function that nobody knows");
                } else {
                    self.need(id, TOLD_CALL, Some(args), "calls");
                }
                made(id, Extra::Shared)
            }
            // What a program's own class makes of the stream's objects is its affair: nobody else has it, and it has to be
            // granted.
            Standing::Stranger(Shape::Class | Shape::Maker) => {
                self.need(id, TOLD_CALL, Some(args), "calls");
                made(id, Extra::None)
            }
        }
    }

    /// Whether what a global has made may be called like this.
    pub(crate) fn may_call(&mut self, global: u32, args: &Fact) -> bool {
        let list = self.args(args);
        self.named[global as usize].standing == Standing::Granted(Rule::Callable)
            && list.known
            && list.items.iter().all(|item| match item.kind {
                Kind::Global(other) => {
                    matches!(self.named[other as usize].standing, Standing::Stranger(Shape::Class))
                        || self.are_kin(global, std::slice::from_ref(item))
                }
                _ => false,
            })
    }

    /// A call of a `partial`, which is one of what it is of.
    pub(crate) fn judge_partial(&mut self, partial: u32, args: &Fact) -> Fact {
        let Some(partial) = self.partials.get(partial as usize).cloned() else {
            return Fact::new(Kind::Result);
        };
        let given = self.args(args);
        let mut items = partial.args;
        items.extend_from_slice(&given.items);
        if !partial.known || !given.known {
            items.push(Fact::new(Kind::Result));
        }
        let place = self.shelf.put(&items);
        let args = Fact { kind: Kind::Tuple(place), ..*args };
        self.judge_call(&Fact::new(Kind::Global(partial.target)), &args)
    }
}
