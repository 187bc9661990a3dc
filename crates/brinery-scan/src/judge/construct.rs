//! Constructions.

use super::{TOLD_NEW, rules::LARGEST};
use crate::fact::{Extra, Fact, Kind, Outside};
use crate::facts::{Facts, made};
use crate::known::{self, Rule, Shape, Standing};
use crate::report::Verdict;

impl Facts<'_, '_> {
    /// `NEWOBJ`, `NEWOBJ_EX`, and what amounts to them. `args` may have the class itself for its first.
    pub(crate) fn judge_new(&mut self, class: &Fact, args: &Fact, kwargs: Option<&Fact>) -> Fact {
        self.use_value(class);
        self.heed_args(args);
        let id = match class.kind {
            Kind::Global(id) => id,
            Kind::Made { global, extra: Extra::Code } => {
                self.need(global, TOLD_NEW, None, "constructs a class that the stream brings itself by");
                return made(global, Extra::None);
            }
            Kind::Outside(Outside::Extension) => return Fact::new(Kind::Result),
            // A class that nobody knows, made by a function that nobody else has: it has to be granted.
            Kind::Made { global, extra: Extra::None | Extra::Shared }
                if matches!(self.named[global as usize].standing, Standing::Stranger(_)) =>
            {
                self.need(global, TOLD_NEW, None, "constructs a class that it has made by");
                return made(global, Extra::None);
            }
            _ => {
                let what = self.show(class, 1);
                let message = format!("constructs what is no class by its name: {what}");
                self.find(Verdict::Dangerous, "construct-object", message);
                return Fact::new(Kind::Result);
            }
        };
        // What is nobody's but the program's is to be granted, whatever it is given.
        if let Standing::Package(Shape::Function | Shape::Maker) | Standing::Stranger(_) =
            self.named[id as usize].standing
        {
            self.need(id, TOLD_NEW, Some(args), "constructs");
            self.judge_new_keywords(id, args, kwargs);
            return made(id, Extra::None);
        }
        let list = self.args(args);
        let items: Vec<Fact> = list.items.iter().copied().filter(|item| item.kind != class.kind).collect();
        match self.named[id as usize].standing {
            Standing::Forbidden(effect) => {
                let message =
                    format!("constructs {}, which {}", self.named[id as usize].full(), effect.sentence);
                self.about(id, Verdict::Dangerous, "forbidden-call", Some(args), message);
                if let Some(finding) = self.findings.last_mut() {
                    finding.category = Some(effect.category);
                }
                return made(id, Extra::Shared);
            }
            Standing::Granted(rule) => match rule {
                Rule::Any
                | Rule::Factory
                | Rule::Partial
                | Rule::Fraction
                | Rule::DType
                | Rule::Items
                | Rule::Size => {
                    let name = self.named[id as usize].full();
                    if matches!(rule, Rule::Factory | Rule::Items | Rule::Size) {
                        self.consume(args, &list.items);
                    }
                    let consumes =
                        rule != Rule::Any || name.ends_with("ndarray") || name.starts_with("itertools.");
                    let computed = items.iter().any(|item| !self.is_container(item));
                    if consumes && computed {
                        return self.dangerous_call(
                            id,
                            args,
                            "call-arguments",
                            " over an iterator that may run code or never end",
                        );
                    }
                    let large =
                        items.iter().any(|item| matches!(item.kind, Kind::Int(size) if size > LARGEST));
                    if large && (rule == Rule::Size || name.ends_with("ndarray")) {
                        self.about(
                            id,
                            Verdict::Budget,
                            "budget-size",
                            Some(args),
                            "asks for much memory at once".into(),
                        );
                    }
                    if name.ends_with("ndarray")
                        && let Some(shape) = items.first().map(|shape| self.args(shape))
                        && shape
                            .items
                            .iter()
                            .any(|item| matches!(item.kind, Kind::Int(size) if size > 1 << 20))
                    {
                        self.about(
                            id,
                            Verdict::Budget,
                            "budget-size",
                            Some(args),
                            "asks for an array that the stream does not hold".into(),
                        );
                    }
                    if rule == Rule::DType {
                        return made(id, Extra::Shared);
                    }
                }
                Rule::Wordless if !list.known || items.iter().any(|item| self.may_hold_text(item, 0)) => {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-arguments",
                        " with text, which it takes for code",
                    );
                }
                Rule::Type
                | Rule::Map
                | Rule::Union
                | Rule::GetAttr
                | Rule::Iter
                | Rule::Code
                | Rule::UFunc
                | Rule::Value
                | Rule::Mention => {
                    return self.dangerous_call(id, args, "construct-object", " by constructing it");
                }
                _ => {}
            },
            Standing::Standard(Shape::Exception) => {}
            Standing::Standard(Shape::Class) | Standing::Package(Shape::Class | Shape::Exception) => {
                if self.named[id as usize].name.ends_with("Meta") {
                    return self.dangerous_call(id, args, "construct-object", " to make a class");
                }
                if items.iter().any(|item| matches!(item.kind, Kind::Result | Kind::Bound)) {
                    return self.dangerous_call(id, args, "construct-object", " with computed arguments");
                }
                if known::runs_text(&self.named[id as usize].module)
                    && (!list.known || items.iter().any(|item| self.may_hold_text(item, 0)))
                {
                    return self.dangerous_call(
                        id,
                        args,
                        "call-package",
                        " with text, which it takes for code",
                    );
                }
                self.need(id, TOLD_NEW, Some(args), "constructs");
            }
            Standing::Standard(_) => {
                return self.dangerous_call(id, args, "construct-object", " by constructing it");
            }
            Standing::Package(_) | Standing::Stranger(_) => {}
        }
        self.judge_new_keywords(id, args, kwargs);
        made(id, Extra::Fresh)
    }

    /// The keywords of a construction.
    pub(super) fn judge_new_keywords(&mut self, id: u32, args: &Fact, kwargs: Option<&Fact>) {
        if let Some(kwargs) = kwargs
            && matches!(kwargs.kind, Kind::Made { .. } | Kind::Result | Kind::Bound)
        {
            self.about(
                id,
                Verdict::Dangerous,
                "construct-object",
                Some(args),
                "constructs with computed keyword arguments".into(),
            );
        }
    }
}
