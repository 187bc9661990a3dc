//! Policies as text: the part of TOML that they need.

use super::capability::{Capability, State};
use super::native::Native;
use super::policy::Policy;
use super::shape::Shape;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A value in the text.
#[derive(Debug, PartialEq)]
enum Item {
    Bool(bool),
    Number(u64),
    Text(String),
    Texts(Vec<String>),
    Table(BTreeMap<String, String>),
}

/// The most bytes of a shape, spelt out.
const LONGEST_SHAPE: usize = 1 << 16;

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(char);
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            char if char.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", char as u32);
            }
            char => quoted.push(char),
        }
    }
    quoted + "\""
}

/// Writes a policy in its one canonical form.
pub(super) fn write(policy: &Policy) -> String {
    let mut text = String::from("policy = 1\n");
    match &policy.persistent {
        None => {}
        Some(Shape::Any) => text.push_str("persistent = true\n"),
        Some(shape) => {
            let _ = writeln!(text, "persistent = {}", quote(&shape.to_string()));
        }
    }
    if policy.trailing {
        text.push_str("trailing = true\n");
    }
    if policy.limits.entries().iter().any(|(_, value)| value.is_some()) {
        text.push_str("\n[limits]\n");
        for (name, value) in policy.limits.entries() {
            if let Some(value) = value {
                let _ = writeln!(text, "{name} = {value}");
            }
        }
    }
    if !policy.extensions.is_empty() {
        text.push_str("\n[extensions]\n");
        for (code, (module, name)) in &policy.extensions {
            let _ = writeln!(text, "{code} = {}", quote(&format!("{module}:{name}")));
        }
    }
    for ((module, name), capability) in &policy.globals {
        let _ = writeln!(text, "\n[globals.{}]", quote(&format!("{module}:{name}")));
        write_capability(&mut text, capability);
    }
    text
}

fn write_capability(text: &mut String, capability: &Capability) {
    if capability.value {
        text.push_str("value = true\n");
    }
    if let Some(within) = &capability.within {
        let names: Vec<_> = within.iter().map(|(module, name)| quote(&format!("{module}:{name}"))).collect();
        let _ = writeln!(text, "within = [{}]", names.join(", "));
    }
    let mut shape = |name: &str, shape: Option<&Shape>| {
        if let Some(shape) = shape {
            let _ = writeln!(text, "{name} = {}", quote(&shape.to_string()));
        }
    };
    shape("construct", capability.construct.as_ref());
    shape("keywords", capability.keywords.as_ref());
    shape("call", capability.call.as_ref());
    match &capability.state {
        State::None => {}
        State::SetState(state) => shape("setstate", Some(state)),
        State::Attributes(None) => text.push_str("attributes = true\n"),
        State::Attributes(Some(fields)) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, shape)| format!("{} = {}", quote(name), quote(&shape.to_string())))
                .collect();
            let _ = writeln!(text, "fields = {{{}}}", fields.join(", "));
        }
    }
    if let Some(extend) = &capability.extend {
        let _ = writeln!(text, "extend = {}", quote(&extend.to_string()));
    }
    for (name, names) in [("members", &capability.members), ("methods", &capability.methods)] {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| quote(name)).collect();
            let _ = writeln!(text, "{name} = [{}]", names.join(", "));
        }
    }
    if let Some(native) = capability.native {
        let _ = writeln!(text, "native = {}", quote(native.name()));
    }
    if capability.later {
        text.push_str("later = true\n");
    }
    if capability.inert {
        text.push_str("inert = true\n");
    }
}

/// Reads a policy.
pub(super) fn read(text: &str) -> Result<Policy, String> {
    let mut policy = Policy::data();
    let mut section = Section::Top;
    let mut version = None;
    let mut persistent = None;
    let mut shapes = Shapes::default();
    let mut lines = text.lines().enumerate();
    while let Some((number, first)) = lines.next() {
        // A value in brackets can go over several lines.
        let mut line = first.to_owned();
        while is_open(&line) {
            let Some((_, more)) = lines.next() else { break };
            line.push(' ');
            line.push_str(more);
        }
        let at = |problem: String| format!("line {}: {problem}", number + 1);
        let mut scanner = Scanner { text: &line, at: 0 };
        if scanner.is_done() {
            continue;
        }
        if scanner.take("[") {
            end_section(&mut policy, section).map_err(at)?;
            section = scanner.section().map_err(at)?;
            if let Section::Global(key) = &section
                && policy.globals.insert(key.clone(), Capability::default()).is_some()
            {
                return Err(at(format!("{}:{} is there twice", key.0, key.1)));
            }
            continue;
        }
        let key = scanner.key().map_err(at)?;
        let item = scanner.value().map_err(at)?;
        match &mut section {
            Section::Top if key == "policy" => version = Some(item),
            Section::Top if key == "persistent" => persistent = Some((number, item)),
            Section::Top => policy.set(&key, item).map_err(at)?,
            Section::Shapes => match item {
                Item::Text(text) => shapes.define(&key, &text).map_err(at)?,
                _ => return Err(at(format!("{key:?} is no shape"))),
            },
            Section::Limits => match item {
                Item::Number(value) if policy.limits.set(&key, value) => {}
                _ => return Err(at(format!("{key:?} is no budget with a number"))),
            },
            Section::Extensions => {
                let code = key.parse().map_err(|_| at(format!("{key:?} is no extension code")))?;
                let Item::Text(name) = item else {
                    return Err(at("an extension code stands for a name".into()));
                };
                policy.extensions.insert(code, split_key(&name).map_err(at)?);
            }
            Section::Global(name) => {
                let capability = policy.globals.entry(name.clone()).or_default();
                set_right(capability, &shapes, &key, item).map_err(at)?;
            }
            Section::Each(each) => match (key.as_str(), item) {
                ("module", Item::Text(name)) => each.modules = vec![name],
                ("modules", Item::Texts(names)) => each.modules = names,
                ("names", Item::Texts(names)) => each.names = names,
                (key, item) => set_right(&mut each.capability, &shapes, key, item).map_err(at)?,
            },
        }
    }
    end_section(&mut policy, section)?;
    // Last, for it may be written with shapes that have names.
    if let Some((number, item)) = persistent {
        policy.persistent = match item {
            Item::Bool(allowed) => allowed.then_some(Shape::Any),
            Item::Text(shape) => {
                let shape = shapes.parse(&shape);
                Some(shape.map_err(|problem| format!("line {}: {problem}", number + 1))?)
            }
            _ => return Err(format!("line {}: \"persistent\" is true, false or a shape", number + 1)),
        };
    }
    match version {
        Some(Item::Number(1)) => Ok(policy),
        Some(_) => Err("this version of policies is not known".into()),
        None => Err("not a policy: it begins with \"policy = 1\"".into()),
    }
}

impl Policy {
    fn set(&mut self, key: &str, item: Item) -> Result<(), String> {
        match (key, item) {
            ("trailing", Item::Bool(value)) => self.trailing = value,
            _ => return Err(format!("{key:?} is not known here, or has another kind of value")),
        }
        Ok(())
    }
}

/// Shapes with names, which others are written with: `$name`.
#[derive(Default)]
struct Shapes(BTreeMap<String, String>);

impl Shapes {
    fn define(&mut self, name: &str, text: &str) -> Result<(), String> {
        let text = self.spell_out(text)?;
        text.parse::<Shape>()?;
        match self.0.insert(name.to_owned(), text) {
            None => Ok(()),
            Some(_) => Err(format!("the shape {name:?} is there twice")),
        }
    }

    fn spell_out(&self, text: &str) -> Result<String, String> {
        let mut parts = text.split('$');
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let shape = self.0.get(name).ok_or_else(|| format!("no shape is named {name:?}"))?;
            if whole.len() + shape.len() + rest.len() > LONGEST_SHAPE {
                return Err(format!("the shape {text:?} is too long when its names are spelt out"));
            }
            whole.push_str(shape);
            whole.push_str(rest);
        }
        Ok(whole)
    }

    fn parse(&self, text: &str) -> Result<Shape, String> {
        if text.contains('$') { self.spell_out(text)?.parse() } else { text.parse() }
    }
}

fn set_right(capability: &mut Capability, shapes: &Shapes, key: &str, item: Item) -> Result<(), String> {
    let set = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    match (key, item) {
        ("value", Item::Bool(value)) => capability.value = value,
        ("within", Item::Texts(names)) => {
            let keys = names.iter().map(|name| split_key(name));
            capability.within = Some(keys.collect::<Result<_, _>>()?);
        }
        ("later", Item::Bool(later)) => capability.later = later,
        ("inert", Item::Bool(inert)) => capability.inert = inert,
        ("construct", Item::Text(text)) => capability.construct = Some(shapes.parse(&text)?),
        ("keywords", Item::Text(text)) => capability.keywords = Some(shapes.parse(&text)?),
        ("call", Item::Text(text)) => capability.call = Some(shapes.parse(&text)?),
        ("extend", Item::Text(text)) => capability.extend = Some(shapes.parse(&text)?),
        ("setstate", Item::Text(text)) => capability.state = State::SetState(shapes.parse(&text)?),
        ("attributes", Item::Bool(true)) => capability.state = State::Attributes(None),
        ("fields", Item::Table(fields)) => {
            let fields = fields.into_iter().map(|(name, shape)| Ok((name, shapes.parse(&shape)?)));
            capability.state = State::Attributes(Some(fields.collect::<Result<_, String>>()?));
        }
        ("members", Item::Texts(names)) => capability.members = set(names),
        ("methods", Item::Texts(names)) => capability.methods = set(names),
        ("native", Item::Text(name)) => {
            let native = Native::from_name(&name).ok_or_else(|| format!("no check is named {name:?}"))?;
            capability.native = Some(native);
        }
        _ => return Err(format!("{key:?} is no right, or has another kind of value")),
    }
    Ok(())
}

/// A `module:name` as the two names.
pub(super) fn split_key(key: &str) -> Result<(String, String), String> {
    match key.split_once(':') {
        Some((module, name)) if !module.is_empty() && !name.is_empty() => Ok((module.into(), name.into())),
        _ => Err(format!("{key:?} is no global: it is written module:name")),
    }
}

enum Section {
    Top,
    Limits,
    Extensions,
    Shapes,
    Global((String, String)),
    Each(Box<Each>),
}

/// The same rights for several globals.
#[derive(Default)]
struct Each {
    modules: Vec<String>,
    names: Vec<String>,
    capability: Capability,
}

/// Grants what a section is about, where that is known at its end only.
fn end_section(policy: &mut Policy, section: Section) -> Result<(), String> {
    let Section::Each(each) = section else { return Ok(()) };
    if each.modules.is_empty() || each.names.is_empty() {
        return Err("[[each]] needs a module, or modules, and names".into());
    }
    for module in &each.modules {
        for name in &each.names {
            let key = split_key(&format!("{module}:{name}"))?;
            if policy.globals.insert(key, each.capability.clone()).is_some() {
                return Err(format!("{module}:{name} is there twice"));
            }
        }
    }
    Ok(())
}

/// Whether a bracket or brace of a value is open at the end of a line.
fn is_open(line: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0i32, false, false);
    for char in line.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted => break,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn skip(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn is_done(&mut self) -> bool {
        self.skip();
        self.at == self.text.len() || self.text[self.at..].starts_with('#')
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("{token:?} is missing")) }
    }

    fn bare(&mut self) -> String {
        self.skip();
        let rest = &self.text[self.at..];
        let end = rest
            .find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '_' | '-')))
            .unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn key(&mut self) -> Result<String, String> {
        self.skip();
        let key = if self.text[self.at..].starts_with('"') { self.string()? } else { self.bare() };
        if key.is_empty() {
            return Err("no name".into());
        }
        self.expect("=")?;
        Ok(key)
    }

    fn section(&mut self) -> Result<Section, String> {
        if self.take("[") {
            let name = self.bare();
            self.expect("]")?;
            self.expect("]")?;
            return match name.as_str() {
                "each" if self.is_done() => Ok(Section::Each(Box::default())),
                _ => Err(format!("no list of sections is named {name:?}")),
            };
        }
        let section = match self.bare().as_str() {
            "limits" => Section::Limits,
            "extensions" => Section::Extensions,
            "shapes" => Section::Shapes,
            "globals" => {
                self.expect(".")?;
                Section::Global(split_key(&self.string()?)?)
            }
            other => return Err(format!("no section is named {other:?}")),
        };
        self.expect("]")?;
        if self.is_done() { Ok(section) } else { Err("more after the name of a section".into()) }
    }

    fn value(&mut self) -> Result<Item, String> {
        self.skip();
        let item = match self.text[self.at..].chars().next() {
            Some('"') => Item::Text(self.string()?),
            Some('[') => {
                self.expect("[")?;
                let mut texts = Vec::new();
                while !self.take("]") {
                    texts.push(self.string()?);
                    if !self.take(",") {
                        self.expect("]")?;
                        break;
                    }
                }
                Item::Texts(texts)
            }
            Some('{') => {
                self.expect("{")?;
                let mut table = BTreeMap::new();
                while !self.take("}") {
                    let key = self.key()?;
                    if table.insert(key.clone(), self.string()?).is_some() {
                        return Err(format!("{key:?} is there twice"));
                    }
                    if !self.take(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                Item::Table(table)
            }
            _ => match self.bare().as_str() {
                "true" => Item::Bool(true),
                "false" => Item::Bool(false),
                word => {
                    let number = word.replace('_', "");
                    Item::Number(number.parse().map_err(|_| format!("{word:?} is no value"))?)
                }
            },
        };
        if self.is_done() { Ok(item) } else { Err("more after a value".into()) }
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect("\"")?;
        let mut text = String::new();
        let mut chars = self.text[self.at..].char_indices();
        while let Some((index, char)) = chars.next() {
            match char {
                '"' => {
                    self.at += index + 1;
                    return Ok(text);
                }
                '\\' => match chars.next().map(|(_, char)| char) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(char @ ('"' | '\\')) => text.push(char),
                    Some('u') => {
                        let digits: String = chars.by_ref().take(4).map(|(_, char)| char).collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        text.push(code.ok_or("a bad escape")?);
                    }
                    _ => return Err("a bad escape".into()),
                },
                char => text.push(char),
            }
        }
        Err("a text has no end".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_written() {
        let text = "policy = 1\npersistent = true\n\n[limits]\nmemory = 1024\n\n[extensions]\n7 = \"a:b\"\n\n\
            [globals.\"a:B\"]\nvalue = true\nconstruct = \"tuple[]\"\nfields = {\"x\" = \"int\", \"y\" = \"str | 'a'\"}\n\
            members = [\"P\", \"Q\"]\n\n[globals.\"a:C.D\"]\ncall = \"tuple[int]\"\nsetstate = \"any\"\n";
        let policy = read(text).unwrap();
        assert_eq!(write(&policy), text);
        assert_eq!(read(&write(&policy)), Ok(policy));
    }

    #[test]
    fn shapes_with_names_and_rights_of_several_are_spelt_out() {
        let short = "policy = 1\npersistent = \"tuple['storage', str]\"\n[shapes]\nsmall = \"int(0..9)\"\n\
            pair = \"tuple[$small, $small]\"\n[[each]]\nmodule = \"a\"\nnames = [\"B\", \"C\"]\ncall = \"tuple[$pair]\"\n";
        let long = "policy = 1\npersistent = \"tuple['storage', str]\"\n\n[globals.\"a:B\"]\n\
            call = \"tuple[tuple[int(0..9), int(0..9)]]\"\n\n[globals.\"a:C\"]\ncall = \"tuple[tuple[int(0..9), int(0..9)]]\"\n";
        assert_eq!(write(&read(short).unwrap()), long);
        assert!(read("policy = 1\n[shapes]\na = \"$b\"\n").unwrap_err().contains("line 3"));
        assert!(read("policy = 1\n[[each]]\nmodule = \"a\"\n").is_err());
        let mut bomb = String::from("policy = 1\n[shapes]\na0 = \"tuple[int, int, int, int]\"\n");
        for step in 0..9 {
            let _ = writeln!(bomb, "a{} = \"tuple[$a{step}, $a{step}, $a{step}, $a{step}]\"", step + 1);
        }
        assert!(read(&bomb).unwrap_err().contains("too long"));
    }

    #[test]
    fn other_text_is_refused_with_its_line() {
        for (text, complaint) in [
            ("", "not a policy"),
            ("policy = 2", "version"),
            ("policy = 1\nfoo = 1", "line 2: \"foo\""),
            ("policy = 1\n[globals.\"a:b\"]\ncall = \"tuple[\"", "line 3"),
            ("policy = 1\n[globals.\"a:b\"]\n[globals.\"a:b\"]", "twice"),
            ("policy = 1\n[globals.\"ab\"]", "module:name"),
            ("policy = 1\n[limits]\nmemory = \"x\"", "budget"),
            ("policy = 1 1", "more after"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(complaint), "{text:?}: {problem}");
        }
    }
}
