//! Loading by policy: what a stream may name, construct, call, give state to, and cost.
//!
//! A [`Policy`] grants [capabilities](Capability), global by global. [`examine`] runs a stream in the machine that loads it,
//! with every effect left out, and says whether all that it does is granted. Nothing is imported, called or created.
//!
//! ```
//! use brinery::policy::{Policy, Rule, examine};
//!
//! let verdict = examine(b"cos\nsystem\n(S'true'\ntR.", &Policy::shipped("stdlib").unwrap());
//! let error = verdict.error().unwrap();
//! assert_eq!((error.rule(), error.offset()), (Some(Rule::Global), Some(0)));
//! assert_eq!(error.to_string(), "the policy does not know os.system [global], at offset 0, opcode GLOBAL");
//! ```

mod agree;
mod arrow;
mod by_id;
mod capability;
mod estimators;
mod examine;
mod items;
mod learn;
mod limits;
mod memory;
mod native;
mod need;
mod numpy;
#[expect(clippy::module_inception, reason = "the policy itself")]
mod policy;
pub mod residues;
mod rule;
mod shape;
mod shipped;
mod source;
mod tables;
mod text;
mod torch;
mod trees;
mod unfolded;
mod verdict;

pub use capability::{Capability, State};
pub use examine::{Uses, is_pure};
pub use learn::{Learnt, learn};
pub use limits::{ARRAY_OF_OBJECTS, Limits, MOST_NESTED_CALLS};
pub use memory::Memory;
pub use native::{JUDGED_BY_ARGUMENTS, Native};
pub use need::{Need, Use};
pub use policy::Policy;
pub use rule::Rule;
pub use shape::{Form, Shape};
pub use source::{Checked, cost};
pub use verdict::{Examination, Examined, GlobalUse, Verdict, examine};
