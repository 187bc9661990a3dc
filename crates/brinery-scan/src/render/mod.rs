//! Reports for other programs: JSON, SARIF, `JUnit` and HTML.

mod html;
mod json;
mod junit;
mod rules;
mod sarif;

pub use html::html;
pub use json::json;
pub use junit::junit;
pub use sarif::sarif;
