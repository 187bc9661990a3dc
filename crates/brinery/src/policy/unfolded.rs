//! How large containers are for who looks at everything in them as often as he comes by it: whoever hashes or compares them.

use crate::value::{Graph, Id, Kind, Value};

/// How many objects may be looked at when a container is hashed or compared: a second or so.
const MOST: u64 = 200_000_000;

/// Whether no container takes too long to be hashed or compared. What is beyond an instance is for its class to look at.
pub(super) fn are_quick(graph: &Graph<'_>) -> bool {
    /// What is not known yet, and what is being looked at: nobody gets through what is within itself.
    const UNKNOWN: u64 = 0;
    const OPEN: u64 = 1;

    let mut sizes = vec![UNKNOWN; graph.len()];
    let mut path: Vec<(Id, _, u64)> = Vec::new();
    for value in graph.values().filter(|value| is_container(*value)) {
        if sizes[value.id().index()] != UNKNOWN {
            continue;
        }
        sizes[value.id().index()] = OPEN;
        path.push((value.id(), value.children(), 1));
        while let Some((id, children, size)) = path.last_mut() {
            let Some((_, child)) = children.next() else {
                if *size > MOST {
                    return false;
                }
                sizes[id.index()] = (*size).max(OPEN);
                let done = *size;
                path.pop();
                if let Some((_, _, size)) = path.last_mut() {
                    *size = size.saturating_add(done);
                }
                continue;
            };
            match sizes[child.id().index()] {
                UNKNOWN if is_container(child) => {
                    sizes[child.id().index()] = OPEN;
                    path.push((child.id(), child.children(), 1));
                }
                UNKNOWN => *size = size.saturating_add(1),
                known => *size = size.saturating_add(known),
            }
        }
    }
    true
}

fn is_container(value: Value<'_, '_>) -> bool {
    matches!(value.kind(), Kind::List | Kind::Tuple | Kind::Dict | Kind::Set | Kind::FrozenSet)
}
