//! A graph as text.

use super::graph::{Graph, Id};
use super::view::{Change, Kind, Value};
use crate::inspect::{is_printable, repr_bytearray, repr_bytes, repr_str};
use crate::write::number::float_repr;
use hashbrown::HashMap;
use std::fmt;

/// What remains to be written, the next on top of the stack.
enum Task<'g, 'a> {
    Value(Value<'g, 'a>),
    Text(&'static str),
}

/// The objects that are used more than once, and their labels once they have one.
struct Labels {
    labels: HashMap<Id, usize, foldhash::fast::RandomState>,
    last: usize,
}

/// Whether an object is written where it is first met and referred to where it is met again.
fn has_label(value: Value<'_, '_>) -> bool {
    match value.kind() {
        Kind::List | Kind::Dict | Kind::Set | Kind::FrozenSet | Kind::Instance | Kind::ByteArray => true,
        // These are on the way of a cycle, too.
        Kind::Persistent | Kind::ReadOnly => true,
        Kind::Tuple if !value.is_empty() => true,
        _ => value.changes().next().is_some(),
    }
}

impl Labels {
    fn new(root: Value<'_, '_>) -> Self {
        let mut seen = vec![0u8; root.graph().len()];
        let mut labels = HashMap::default();
        let mut open = vec![root];
        while let Some(value) = open.pop() {
            let visits = &mut seen[value.id().index()];
            *visits = visits.saturating_add(1);
            match visits {
                1 => open.extend(value.children().map(|(_, child)| child)),
                2 if has_label(value) => drop(labels.insert(value.id(), 0)),
                _ => {}
            }
        }
        Labels { labels, last: 0 }
    }
}

/// Writes the object as Python would, where Python would; an object that is met again is `#1#`, where it was first
/// met is marked `#1=`.
impl fmt::Display for Value<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut labels = Labels::new(*self);
        let mut tasks = vec![Task::Value(*self)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Text(text) => f.write_str(text)?,
                Task::Value(value) => write_value(f, value, &mut labels, &mut tasks)?,
            }
        }
        Ok(())
    }
}

fn write_value<'g, 'a>(
    f: &mut fmt::Formatter<'_>,
    value: Value<'g, 'a>,
    labels: &mut Labels,
    tasks: &mut Vec<Task<'g, 'a>>,
) -> fmt::Result {
    if let Some(label) = labels.labels.get_mut(&value.id()) {
        if *label > 0 {
            return write!(f, "#{label}#");
        }
        labels.last += 1;
        *label = labels.last;
        write!(f, "#{label}=")?;
    }
    let start = tasks.len();
    match value.kind() {
        Kind::None => f.write_str("None")?,
        Kind::Bool => f.write_str(if value.as_bool() == Some(true) { "True" } else { "False" })?,
        Kind::Int => match value.as_i64() {
            Some(value) => write!(f, "{value}")?,
            None => value.as_big_int().map_or(Ok(()), |value| write!(f, "{value}"))?,
        },
        Kind::Float => f.write_str(&float_repr(value.as_f64().unwrap_or_default()))?,
        Kind::Text => write_text(f, value)?,
        Kind::String | Kind::Bytes => repr_bytes(f, value.as_bytes().unwrap_or_default())?,
        Kind::ByteArray => repr_bytearray(f, value.as_bytes().unwrap_or_default())?,
        Kind::List => sequence(tasks, "[", value.items(), "]"),
        Kind::Tuple => sequence(tasks, "(", value.items(), if value.len() == 1 { ",)" } else { ")" }),
        Kind::Set if value.is_empty() => f.write_str("set()")?,
        Kind::Set => sequence(tasks, "{", value.items(), "}"),
        Kind::FrozenSet if value.is_empty() => f.write_str("frozenset()")?,
        Kind::FrozenSet => sequence(tasks, "frozenset({", value.items(), "})"),
        Kind::Dict => dict(tasks, "{", value.entries(), "}"),
        Kind::Global => {
            let (module, name) = value.as_global().map(|g| (g.module(), g.name())).unwrap_or_default();
            write!(f, "{}.{}", module.escape_debug(), name.escape_debug())?;
        }
        Kind::Extension => write!(f, "<extension {}>", value.as_extension().unwrap_or_default())?,
        Kind::Buffer => write!(f, "<buffer {}>", value.as_buffer().unwrap_or_default())?,
        Kind::Persistent => {
            sequence(tasks, "<persistent ", value.as_persistent().into_iter(), ">");
        }
        Kind::ReadOnly => sequence(tasks, "<read-only ", value.as_read_only().into_iter(), ">"),
        Kind::Instance => instance(tasks, value),
    }
    for change in value.changes() {
        match change {
            Change::State(state) => sequence(tasks, ".__setstate__(", [state].into_iter(), ")"),
            Change::Append(items) => sequence(tasks, ".extend([", items, "])"),
            Change::AddItems(items) => sequence(tasks, ".update({", items, "})"),
            Change::SetItems(entries) => dict(tasks, ".update({", entries, "})"),
            Change::Call { function, args } => {
                tasks.push(Task::Text("<after "));
                tasks.push(Task::Value(function));
                sequence(tasks, "(", args, ")>");
            }
        }
    }
    tasks[start..].reverse();
    Ok(())
}

fn write_text(f: &mut fmt::Formatter<'_>, value: Value<'_, '_>) -> fmt::Result {
    repr_str(f, value.text_bytes().unwrap_or_default(), &is_printable)
}

/// Leaves items with commas between them to be written.
fn sequence<'g, 'a>(
    tasks: &mut Vec<Task<'g, 'a>>,
    open: &'static str,
    items: impl Iterator<Item = Value<'g, 'a>>,
    close: &'static str,
) {
    tasks.push(Task::Text(open));
    for (index, item) in items.enumerate() {
        if index > 0 {
            tasks.push(Task::Text(", "));
        }
        tasks.push(Task::Value(item));
    }
    tasks.push(Task::Text(close));
}

fn dict<'g, 'a>(
    tasks: &mut Vec<Task<'g, 'a>>,
    open: &'static str,
    entries: impl Iterator<Item = (Value<'g, 'a>, Value<'g, 'a>)>,
    close: &'static str,
) {
    tasks.push(Task::Text(open));
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            tasks.push(Task::Text(", "));
        }
        tasks.extend([Task::Value(key), Task::Text(": "), Task::Value(value)]);
    }
    tasks.push(Task::Text(close));
}

fn instance<'g, 'a>(tasks: &mut Vec<Task<'g, 'a>>, value: Value<'g, 'a>) {
    let Some(instance) = value.as_instance() else { return };
    tasks.push(Task::Value(instance.class()));
    let args = instance.args();
    if args.kind() == Kind::Tuple && args.changes().next().is_none() && instance.kwargs().is_none() {
        sequence(tasks, "(", args.items(), ")");
        return;
    }
    tasks.extend([Task::Text("(*"), Task::Value(args)]);
    if let Some(kwargs) = instance.kwargs() {
        tasks.extend([Task::Text(", **"), Task::Value(kwargs)]);
    }
    tasks.push(Task::Text(")"));
}

impl fmt::Debug for Value<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes the root.
impl fmt::Display for Graph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root(), f)
    }
}

/// Writes how many objects there are, and the root.
impl fmt::Debug for Graph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Graph { ")?;
        write!(f, "len: {}, root: {} }}", self.len(), self.root())
    }
}

#[cfg(test)]
mod tests {
    use crate::Graph;

    fn shown(stream: &[u8]) -> String {
        Graph::from_slice(stream).unwrap().to_string()
    }

    #[test]
    fn objects_look_as_in_python() {
        let all = b"(NI01\nL99999999999999999999L\nF1\nX\x02\0\0\0it)K\x01\x85](K\x02K\x03e}NNs(\x91\x8ft.";
        assert_eq!(
            shown(all),
            "(None, True, 99999999999999999999, 1.0, 'it', (), (1,), [2, 3], {None: None}, frozenset(), set())"
        );
    }

    #[test]
    fn instances_tell_how_they_are_made() {
        assert_eq!(shown(b"cm\nC\n(K\x01K\x02t\x81}X\x01\0\0\0xNsb."), "m.C(1, 2).__setstate__({'x': None})");
        assert_eq!(shown(b"cm\nC\n)}\x92."), "m.C(*(), **{})");
        assert_eq!(shown(b"cm\nC\nNRNaNNs."), "m.C(*None).extend([None]).update({None: None})");
        assert_eq!(shown(b"Pa\n\x82\x05\x86."), "(<persistent 'a'>, <extension 5>)");
    }

    #[test]
    fn what_is_shared_has_a_label() {
        assert_eq!(shown(b"]p0\ng0\na."), "#1=[#1#]");
        assert_eq!(shown(b"]p0\ng0\n\x85Qp1\na0g1\n."), "#1=<persistent ([#1#],)>");
        assert_eq!(shown(b"(]p0\ng0\n}p1\ng1\n]t."), "(#1=[], #1#, #2={}, #2#, [])");
    }
}
