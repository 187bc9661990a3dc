//! What an instance stands for: the standard library's types by their names, any other by its parts.

use crate::value::{Change, Construction, Entries, Global, Instance, Kind, Value, Values};
use std::{borrow::Cow, fmt::Write as _, net};

/// What an instance stands for.
pub(super) enum Meaning<'g, 'a> {
    /// Items, as of a deque or a set.
    Seq(Values<'g, 'a>),
    /// Keys and values, as of an ordered dict.
    Map(Entries<'g, 'a>),
    /// Keys and values as a list of pairs.
    Pairs(Values<'g, 'a>),
    /// Bytes, as of a bytearray.
    Bytes(Cow<'g, [u8]>),
    /// Text, as of a date.
    Text(String),
    /// A number of any precision, in decimal.
    Decimal(String),
    /// A time span in seconds and microseconds.
    Span(i128),
    /// A UUID.
    Uuid(u128),
    /// Any other.
    Object(Object<'g, 'a>),
}

/// An instance, however it was made.
#[derive(Clone)]
pub(super) struct Object<'g, 'a> {
    pub(super) class: Option<Global<'g, 'a>>,
    pub(super) args: Values<'g, 'a>,
    /// Items set by key.
    pub(super) entries: Option<Entries<'g, 'a>>,
    /// Items appended or elements added.
    pub(super) items: Option<Values<'g, 'a>>,
    kwargs: Option<Value<'g, 'a>>,
    pub(super) state: Option<Value<'g, 'a>>,
}

fn none<'g, 'a>(value: Value<'g, 'a>) -> Values<'g, 'a> {
    // A scalar has no items.
    let mut items = value.items();
    items.by_ref().for_each(drop);
    items
}

impl<'g, 'a> Object<'g, 'a> {
    fn new(value: Value<'g, 'a>) -> Option<Self> {
        let instance = value.as_instance()?;
        let mut object = Object {
            class: instance.class().as_global(),
            args: instance.args().items(),
            kwargs: instance.kwargs(),
            entries: None,
            items: None,
            state: None,
        };
        for change in value.changes() {
            match change {
                Change::State(state) => object.state = Some(state),
                Change::Append(items) | Change::AddItems(items) => object.items = Some(items),
                Change::SetItems(entries) => object.entries = Some(entries),
                // Only the function knows what it does with the state.
                Change::Call { .. } => {}
            }
        }
        if instance.construction() == Construction::Reduce {
            match object.class {
                Some(class) => object.undo_copyreg(class),
                None => object.undo_partial(instance.class()),
            }
        }
        Some(object)
    }

    /// Sees through the functions that stand in for `NEWOBJ` and `NEWOBJ_EX` in protocols without them.
    fn undo_copyreg(&mut self, called: Global<'g, 'a>) {
        if !matches!(&*called.module(), "copyreg" | "copy_reg") {
            return;
        }
        let mut args = self.args.clone();
        let Some(class) = args.next() else { return };
        match &*called.name() {
            "__newobj__" => self.args = args,
            "__newobj_ex__" => {
                if let Some(positional) = args.next() {
                    self.args = positional.items();
                }
                self.kwargs = args.next();
            }
            "_reconstructor" => {
                let base = args.next().and_then(Value::as_global);
                let base = base.map(|base| base.name().into_owned()).unwrap_or_default();
                let Some(content) = args.clone().next() else { return };
                match &*base {
                    "object" => self.args = none(content),
                    "dict" => {
                        self.entries.get_or_insert(content.entries());
                        self.args = none(content);
                    }
                    "list" | "set" | "frozenset" => {
                        self.items.get_or_insert(content.items());
                        self.args = none(content);
                    }
                    "tuple" => self.args = content.items(),
                    _ => self.args = args,
                }
            }
            _ => return,
        }
        self.class = class.as_global();
    }

    /// Sees through `partial(cls.__new__, cls, *args, **kwargs)()`, which stands in for `NEWOBJ_EX`.
    fn undo_partial(&mut self, called: Value<'g, 'a>) {
        let partial = called.as_instance().filter(|instance| {
            instance.class().as_global().is_some_and(|class| class.is("functools", "partial"))
        });
        let Some(state) = partial.and_then(Instance::state) else { return };
        let (Some(args), kwargs) = (state.item(1), state.item(2)) else { return };
        let mut args = args.items();
        let Some(class) = args.next() else { return };
        self.class = class.as_global();
        self.args = args;
        self.kwargs = kwargs.filter(|kwargs| kwargs.kind() == Kind::Dict);
    }

    /// The one argument that stands for the whole.
    pub(super) fn only_arg(&self) -> Option<Value<'g, 'a>> {
        let mut args = self.args.clone();
        if args.len() == 1 && self.kwargs.is_none_or(Value::is_empty) { args.next() } else { None }
    }

    /// The attributes: of keyword arguments, of a state, of its slots.
    pub(super) fn attributes(&self) -> [Option<Entries<'g, 'a>>; 3] {
        let dict = |value: Value<'g, 'a>| (value.kind() == Kind::Dict).then(|| value.entries());
        let kwargs = self.kwargs.and_then(dict);
        match self.state {
            Some(state) if is_pair_of_dicts(state) => {
                [kwargs, state.item(0).and_then(dict), state.item(1).and_then(dict)]
            }
            state => [kwargs, state.and_then(dict), None],
        }
    }

    /// A state that is no dict and no pair of them, and so stands for the instance.
    pub(super) fn opaque_state(&self) -> Option<Value<'g, 'a>> {
        self.state.filter(|&state| state.kind() != Kind::Dict && !state.is_none() && !is_pair_of_dicts(state))
    }

    /// Whether there is an attribute of one of these names.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        let attributes = self.attributes();
        attributes
            .into_iter()
            .flatten()
            .flatten()
            .any(|(key, _)| key.as_str().is_some_and(|key| names.contains(&key)))
    }

    /// The last part of the class's name.
    pub(super) fn class_name(&self) -> Option<Cow<'g, str>> {
        Some(match self.class?.name() {
            Cow::Borrowed(name) => Cow::Borrowed(name.rsplit('.').next().unwrap_or(name)),
            Cow::Owned(name) => Cow::Owned(name.rsplit('.').next().unwrap_or(&name).to_owned()),
        })
    }
}

/// The state of an instance with slots.
fn is_pair_of_dicts(state: Value<'_, '_>) -> bool {
    let fits = |value: Value<'_, '_>| value.is_none() || value.kind() == Kind::Dict;
    state.kind() == Kind::Tuple && state.len() == 2 && state.items().all(fits)
}

/// What an instance stands for; `None` for other objects.
pub(super) fn meaning<'g, 'a>(value: Value<'g, 'a>) -> Option<Meaning<'g, 'a>> {
    let object = Object::new(value)?;
    let known = object.class.and_then(|class| known(class, &object));
    Some(known.unwrap_or(Meaning::Object(object)))
}

/// The one dict that an instance is told by, as with most classes: [`meaning`] would come to the same.
pub(super) fn plain_state<'g, 'a>(value: Value<'g, 'a>) -> Option<Value<'g, 'a>> {
    let instance = value.as_instance()?;
    if instance.construction() != Construction::NewObj || !instance.args().is_empty() {
        return None;
    }
    let mut changes = value.changes();
    let (Change::State(state), None) = (changes.next()?, changes.next()) else { return None };
    let (module, _) = instance.class().as_global()?.parts();
    (state.kind() == Kind::Dict && !is_known_module(module.as_str()?)).then_some(state)
}

/// Whether there are types of the module whose [meaning](known) is known.
pub(super) fn is_known_module(module: &str) -> bool {
    matches!(
        module,
        "builtins"
            | "__builtin__"
            | "_codecs"
            | "collections"
            | "decimal"
            | "_decimal"
            | "fractions"
            | "uuid"
            | "pathlib"
            | "pathlib._local"
            | "datetime"
            | "ipaddress"
    )
}

/// The meaning of an instance of a type of the standard library, of one of the [known modules](is_known_module).
fn known<'g, 'a>(class: Global<'g, 'a>, object: &Object<'g, 'a>) -> Option<Meaning<'g, 'a>> {
    let (module, name) = (class.module(), class.name());
    if !is_known_module(&module) {
        return None;
    }
    let arg = |index: usize| object.args.clone().nth(index);
    let text = |index: usize| arg(index).and_then(Value::as_str).map(str::to_owned);
    match (&*module, &*name) {
        ("builtins" | "__builtin__", "set" | "frozenset") => {
            Some(Meaning::Seq(arg(0).map_or(object.args.clone(), Value::items)))
        }
        ("builtins" | "__builtin__", "bytearray" | "bytes") => match arg(0) {
            Some(content) => bytes(content).map(Meaning::Bytes),
            None => Some(Meaning::Bytes(Cow::Borrowed(&[]))),
        },
        ("builtins" | "__builtin__", "complex") => Some(Meaning::Seq(object.args.clone())),
        ("_codecs", "encode") => encoded(&object.args).map(Meaning::Bytes),
        ("collections", "OrderedDict" | "Counter") => match (&object.entries, arg(0)) {
            (Some(entries), _) => Some(Meaning::Map(entries.clone())),
            (None, Some(pairs)) if pairs.kind() != Kind::Dict => Some(Meaning::Pairs(pairs.items())),
            (None, Some(dict)) => Some(Meaning::Map(dict.entries())),
            (None, None) => Some(Meaning::Pairs(object.args.clone())),
        },
        ("collections", "defaultdict") => Some(match &object.entries {
            Some(entries) => Meaning::Map(entries.clone()),
            None => Meaning::Pairs(arg(0).map_or(object.args.clone(), none)),
        }),
        ("collections", "deque") => Some(Meaning::Seq(match (&object.items, arg(0)) {
            (Some(items), _) => items.clone(),
            (None, Some(items)) => items.items(),
            (None, None) => object.args.clone(),
        })),
        ("decimal" | "_decimal", "Decimal") => text(0).map(Meaning::Decimal),
        ("fractions", "Fraction") => Some(Meaning::Text(match (text(0), arg(1)) {
            (Some(text), _) => text,
            (None, Some(denominator)) => format!("{}/{}", arg(0)?.as_big_int()?, denominator.as_big_int()?),
            (None, None) => return None,
        })),
        ("uuid", "UUID") => object
            .state
            .and_then(|state| state.get("int"))
            .and_then(|int| u128::try_from(&*int.as_big_int()?).ok().map(Meaning::Uuid)),
        ("pathlib" | "pathlib._local", name) => path(name, &object.args).map(Meaning::Text),
        ("datetime", name) => datetime(name, object),
        ("ipaddress", "IPv4Address") => {
            let address = u32::try_from(arg(0)?.as_i64()?).ok()?;
            Some(Meaning::Text(net::Ipv4Addr::from(address).to_string()))
        }
        ("ipaddress", "IPv6Address") => {
            let address = u128::try_from(&*arg(0)?.as_big_int()?).ok()?;
            Some(Meaning::Text(net::Ipv6Addr::from(address).to_string()))
        }
        _ => None,
    }
}

/// Bytes, also in the spelling of protocols 0 to 2.
fn bytes<'g>(value: Value<'g, '_>) -> Option<Cow<'g, [u8]>> {
    if let Some(bytes) = value.as_bytes() {
        return Some(Cow::Borrowed(bytes));
    }
    if let Some(text) = value.as_str() {
        return latin1(text).map(Cow::Owned);
    }
    let instance = value.as_instance()?;
    let class = instance.class().as_global()?;
    if class.is("_codecs", "encode") { encoded(&instance.args().items()) } else { None }
}

/// The bytes of `_codecs.encode(text, 'latin1')`.
fn encoded<'g>(args: &Values<'g, '_>) -> Option<Cow<'g, [u8]>> {
    let mut args = args.clone();
    let text = args.next()?.as_str()?;
    match args.next()?.as_str()? {
        "latin1" | "latin-1" => latin1(text).map(Cow::Owned),
        _ => None,
    }
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|char| u8::try_from(char).ok()).collect()
}

fn path(class: &str, parts: &Values<'_, '_>) -> Option<String> {
    let separator = match class {
        "PurePosixPath" | "PosixPath" => '/',
        "PureWindowsPath" | "WindowsPath" => '\\',
        _ => return None,
    };
    let mut path = String::new();
    for part in parts.clone() {
        if !path.is_empty() && !path.ends_with(separator) {
            path.push(separator);
        }
        path.push_str(part.as_str()?);
    }
    if path.is_empty() {
        path.push('.');
    }
    Some(path)
}

/// The types of the module `datetime`, in ISO 8601.
fn datetime<'g, 'a>(class: &str, object: &Object<'g, 'a>) -> Option<Meaning<'g, 'a>> {
    let mut args = object.args.clone();
    let first = args.next();
    let zone = args.next();
    match class {
        "timedelta" => span(&object.args).map(Meaning::Span),
        "timezone" => offset_text(span_of(first?)?).map(Meaning::Text),
        "date" => {
            let packed = bytes(first?)?;
            date(packed.as_ref().try_into().ok()?).map(Meaning::Text)
        }
        "time" => {
            let packed = bytes(first?)?;
            let text = time(packed.as_ref().try_into().ok()?)?;
            Some(Meaning::Text(text + &zone_text(zone)?))
        }
        "datetime" => {
            let packed = bytes(first?)?;
            let packed: [u8; 10] = packed.as_ref().try_into().ok()?;
            let (day, clock) = (packed.first_chunk::<4>()?, packed.last_chunk::<6>()?);
            // The highest bit of the month tells which of two equal times it is.
            let day = [day[0], day[1], day[2] & 0x7f, day[3]];
            Some(Meaning::Text(format!("{}T{}{}", date(day)?, time(*clock)?, zone_text(zone)?)))
        }
        _ => None,
    }
}

fn date([high, low, month, day]: [u8; 4]) -> Option<String> {
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| format!("{:04}-{month:02}-{day:02}", u16::from_be_bytes([high, low])))
}

fn time([hour, minute, second, a, b, c]: [u8; 6]) -> Option<String> {
    // A time of its own has the bit of the two equal times in its hour.
    let hour = hour & 0x7f;
    let mut text =
        (hour < 24 && minute < 60 && second < 60).then(|| format!("{hour:02}:{minute:02}:{second:02}"))?;
    let microseconds = u32::from_be_bytes([0, a, b, c]);
    if microseconds > 0 {
        write!(text, ".{microseconds:06}").ok()?;
    }
    Some(text)
}

/// Days, seconds and microseconds, in microseconds.
fn span(args: &Values<'_, '_>) -> Option<i128> {
    const UNITS: [i128; 3] = [86_400_000_000, 1_000_000, 1];
    let mut total = 0;
    for (arg, unit) in args.clone().zip(UNITS) {
        total += i128::from(arg.as_i64()?) * unit;
    }
    Some(total)
}

fn span_of(value: Value<'_, '_>) -> Option<i128> {
    let instance = value.as_instance()?;
    let is_span = instance.class().as_global()?.is("datetime", "timedelta");
    if is_span { span(&instance.args().items()) } else { None }
}

/// An offset from UTC.
fn offset_text(microseconds: i128) -> Option<String> {
    let seconds = i64::try_from(microseconds / 1_000_000).ok()?;
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let mut text = format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 > 0 {
        write!(text, ":{:02}", seconds % 60).ok()?;
    }
    Some(text)
}

/// A time zone, after a time: an offset, or a name in brackets. `None` for zones whose meaning is not known.
fn zone_text(zone: Option<Value<'_, '_>>) -> Option<String> {
    let Some(zone) = zone.filter(|zone| !zone.is_none()) else { return Some(String::new()) };
    let instance = zone.as_instance()?;
    let mut args = instance.args().items();
    let first = args.next();
    let Some(class) = instance.class().as_global() else {
        // ZoneInfo._unpickle(key, from_cache)
        let called = instance.class().as_instance()?.args();
        let is_zone = called.item(0)?.as_global()?.is("zoneinfo", "ZoneInfo");
        return is_zone.then(|| Some(format!("[{}]", first?.as_str()?)))?;
    };
    match (&*class.module(), &*class.name()) {
        ("datetime", "timezone") => offset_text(span_of(first?)?),
        ("zoneinfo", "ZoneInfo._unpickle" | "ZoneInfo") => Some(format!("[{}]", first?.as_str()?)),
        ("pytz", "_UTC") | ("dateutil.tz.tz", "tzutc") => Some("+00:00".into()),
        _ => None,
    }
}
