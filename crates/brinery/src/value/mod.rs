//! The objects of a pickle in Rust: a graph that can hold any of them.
//!
//! [`Graph`] owns the objects, [`Id`] names one, [`Value`] looks at one.
//!
//! ```
//! use brinery::{Graph, value::{Change, Kind}};
//!
//! // An instance of shop.Order with the state {'total': 12.5, 'lines': [...]}
//! let stream = b"\x80\x02cshop\nOrder\n)\x81}(X\x05\0\0\0totalG@)\0\0\0\0\0\0X\x05\0\0\0lines]K\x07aub.";
//! let graph = Graph::from_slice(stream).unwrap();
//! let order = graph.root();
//! assert_eq!(order.kind(), Kind::Instance);
//! let order = order.as_instance().unwrap();
//! assert!(order.class().as_global().unwrap().is("shop", "Order"));
//! assert_eq!(order.attribute("total").unwrap().as_f64(), Some(12.5));
//! assert_eq!(order.attribute("lines").unwrap().item(0).unwrap().as_i64(), Some(7));
//! ```

mod compare;
mod graph;
mod load;
mod names;
mod render;
mod view;
mod write;

pub use graph::{ChangeKind, Construction, Graph, Id, New};
pub(crate) use load::{Builder, load};
#[cfg(feature = "serde")]
pub(crate) use load::{Piece, Pieces};
pub use names::modern_names;
pub use view::{Change, Changes, Entries, Global, Instance, Kind, Role, Value, Values};
