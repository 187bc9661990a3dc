//! The policy itself.

use super::capability::Capability;
use super::limits::Limits;
use super::shape::Shape;
use super::{shipped, text};
use std::collections::BTreeMap;
use std::ops::BitOr;

/// A global by its module and its name, which is one opaque key, dots and all.
pub(super) type Key = (String, String);

/// What a stream may do: capabilities by global, and budgets.
///
/// ```
/// use brinery::policy::{Policy, examine};
///
/// // datetime.date(1815, 12, 10)
/// let date = b"\x80\x04\x8c\x08datetime\x8c\x04date\x93C\x04\x07\x17\x0c\x0a\x85R.";
/// assert!(examine(date, &Policy::shipped("stdlib").unwrap()).is_clean());
/// assert!(!examine(date, &Policy::data()).is_clean());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    pub(super) globals: BTreeMap<Key, Capability>,
    pub(super) extensions: BTreeMap<u32, Key>,
    pub(super) limits: Limits,
    /// The persistent ids that the loader may be asked for.
    pub(super) persistent: Option<Shape>,
    pub(super) trailing: bool,
}

impl Policy {
    /// The policy that grants nothing: plain data, made of builtin values alone.
    ///
    /// ```
    /// assert!(brinery::policy::Policy::data().globals().next().is_none());
    /// ```
    pub fn data() -> Self {
        Policy::default()
    }

    /// A policy that comes with brinery, by its name.
    ///
    /// ```
    /// use brinery::policy::Policy;
    ///
    /// assert!(Policy::shipped("stdlib").is_some());
    /// assert!(Policy::shipped("anything").is_none());
    /// ```
    pub fn shipped(name: &str) -> Option<Self> {
        shipped::policy(name).cloned()
    }

    /// The names of the policies that come with brinery.
    ///
    /// ```
    /// assert!(brinery::policy::Policy::shipped_names().contains(&"data"));
    /// ```
    pub fn shipped_names() -> &'static [&'static str] {
        shipped::NAMES
    }

    /// Grants a capability, besides what is granted already.
    ///
    /// ```
    /// use brinery::policy::{Capability, Policy};
    ///
    /// let value = Capability { value: true, ..Capability::default() };
    /// let policy = Policy::data().allow("shop", "Color", value);
    /// assert!(policy.get("shop", "Color").unwrap().value);
    /// ```
    #[must_use]
    pub fn allow(mut self, module: &str, name: &str, capability: Capability) -> Self {
        let key = (module.to_owned(), name.to_owned());
        let known = self.globals.remove(&key).unwrap_or_default();
        self.globals.insert(key, known.union(capability));
        self
    }

    /// Sets the budgets.
    ///
    /// ```
    /// use brinery::policy::{Limits, Policy};
    ///
    /// let policy = Policy::data().limits(Limits { memory: Some(1 << 20), ..Limits::default() });
    /// assert_eq!(policy.budgets().memory, Some(1 << 20));
    /// ```
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The budgets.
    pub fn budgets(&self) -> &Limits {
        &self.limits
    }

    /// Lets persistent ids through to the loader that resolves them.
    ///
    /// ```
    /// use brinery::policy::{Policy, examine};
    ///
    /// assert!(!examine(b"Prow 5\n.", &Policy::data()).is_clean());
    /// assert!(examine(b"Prow 5\n.", &Policy::data().persistent_ids(true)).is_clean());
    /// ```
    #[must_use]
    pub fn persistent_ids(mut self, allowed: bool) -> Self {
        self.persistent = allowed.then_some(Shape::Any);
        self
    }

    /// Lets persistent ids of this shape through.
    ///
    /// ```
    /// use brinery::policy::{Policy, examine};
    ///
    /// let policy = Policy::data().persistent_ids_of("str(..5)".parse().unwrap());
    /// assert!(examine(b"Prow 5\n.", &policy).is_clean());
    /// assert!(!examine(b"Prow 55\n.", &policy).is_clean());
    /// ```
    #[must_use]
    pub fn persistent_ids_of(mut self, shape: Shape) -> Self {
        self.persistent = Some(shape);
        self
    }

    /// Allows bytes after the pickle.
    #[must_use]
    pub fn trailing_data(mut self, allowed: bool) -> Self {
        self.trailing = allowed;
        self
    }

    /// Whether bytes may come after the pickle.
    pub fn takes_trailing_data(&self) -> bool {
        self.trailing
    }

    /// What is granted for a global.
    pub fn get(&self, module: &str, name: &str) -> Option<&Capability> {
        self.globals.get(&(module.to_owned(), name.to_owned()))
    }

    /// The module and the name that an extension code stands for.
    ///
    /// ```
    /// use brinery::policy::Policy;
    ///
    /// let policy = Policy::from_toml("policy = 1\n[extensions]\n7 = \"shop:Order\"\n").unwrap();
    /// assert_eq!(policy.extension(7), Some(("shop", "Order")));
    /// ```
    pub fn extension(&self, code: u32) -> Option<(&str, &str)> {
        self.extensions.get(&code).map(|(module, name)| (module.as_str(), name.as_str()))
    }

    /// All globals of which something is granted, in order.
    pub fn globals(&self) -> impl Iterator<Item = (&str, &str, &Capability)> {
        self.globals.iter().map(|((module, name), capability)| (module.as_str(), name.as_str(), capability))
    }

    /// The policy as text, in its one canonical form.
    ///
    /// ```
    /// use brinery::policy::Policy;
    ///
    /// let policy = Policy::shipped("stdlib").unwrap();
    /// assert_eq!(Policy::from_toml(&policy.to_toml()), Ok(policy));
    /// ```
    pub fn to_toml(&self) -> String {
        text::write(self)
    }

    /// The policy that a text describes.
    ///
    /// # Errors
    ///
    /// If the text describes none; the error says in which line.
    ///
    /// ```
    /// use brinery::policy::Policy;
    ///
    /// let policy = Policy::from_toml("policy = 1\n[globals.\"shop:Color\"]\nvalue = true\n").unwrap();
    /// assert!(policy.get("shop", "Color").unwrap().value);
    /// assert!(Policy::from_toml("nonsense").is_err());
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, String> {
        text::read(text)
    }

    /// The union of what both grant.
    fn union(mut self, other: &Policy) -> Policy {
        for ((module, name), capability) in &other.globals {
            self = self.allow(module, name, capability.clone());
        }
        for (code, key) in &other.extensions {
            self.extensions.entry(*code).or_insert_with(|| key.clone());
        }
        self.limits = self.limits.union(&other.limits);
        self.persistent = match (self.persistent, &other.persistent) {
            (Some(mine), Some(other)) => Some(mine.or(other.clone())),
            (mine, other) => mine.or_else(|| other.clone()),
        };
        self.trailing |= other.trailing;
        self
    }
}

/// A policy that grants what either grants.
///
/// ```
/// use brinery::policy::{Capability, Policy};
///
/// let value = Capability { value: true, ..Capability::default() };
/// let both = Policy::shipped("stdlib").unwrap() | Policy::data().allow("shop", "Color", value);
/// assert!(both.get("datetime", "date").is_some() && both.get("shop", "Color").is_some());
/// ```
impl BitOr for Policy {
    type Output = Policy;

    fn bitor(self, other: Policy) -> Policy {
        self.union(&other)
    }
}
