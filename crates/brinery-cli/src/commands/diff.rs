//! `brinery diff`

use crate::args::Diff;
use crate::exit::{ExitCode, Failure};
use crate::format::fit;
use crate::input::Input;
use crate::output::Terminal;
use crate::style::Styled;
use brinery::inspect::{Change, NodeId, Outline, diff};

pub(crate) fn run(args: &Diff, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    if args.a == "-" && args.b == "-" {
        return Err(Failure::new("the standard input cannot be both files"));
    }
    let a = Input::open(&args.a, &args.reading, terminal)?;
    let b = Input::open(&args.b, &args.reading, terminal)?;
    let (of_a, of_b) = (outlines(&a, args)?, outlines(&b, args)?);
    let mut found = 0;
    for (number, (x, y)) in of_a.iter().zip(&of_b).enumerate() {
        for difference in diff(x, y) {
            found += 1;
            if args.silent {
                return Ok(ExitCode::Different);
            }
            if args.max > 0 && found > args.max {
                terminal.note(&format!("stopped after {} differences", args.max));
                return Ok(ExitCode::Different);
            }
            let pickle =
                if of_a.len().max(of_b.len()) > 1 { format!("pickle {number}: ") } else { String::new() };
            let path = format!("{pickle}{}", difference.path);
            let styles = terminal.styles;
            let room = terminal.width().saturating_sub(path.chars().count() + 4).max(24);
            match difference.change {
                Change::Removed(id) => {
                    let line = format!("- {path}: {}", describe(x, id, room));
                    writeln!(terminal.out(), "{}", Styled(styles.removed, line))?;
                }
                Change::Added(id) => {
                    let line = format!("+ {path}: {}", describe(y, id, room));
                    writeln!(terminal.out(), "{}", Styled(styles.added, line))?;
                }
                Change::Changed(old, new) => {
                    let room = room / 2 - 2;
                    let (old, new) = (describe(x, old, room), describe(y, new, room));
                    writeln!(terminal.out(), "{} {path}: {old} -> {new}", Styled(styles.changed, "~"))?;
                }
            }
        }
    }
    let extra = of_a.len().abs_diff(of_b.len());
    if extra > 0 && !args.silent {
        let (sign, name) = if of_a.len() > of_b.len() { ('-', &a.name) } else { ('+', &b.name) };
        writeln!(terminal.out(), "{sign} {} in {name}", crate::format::plural(extra as u64, "more pickle"))?;
    }
    Ok(if found > 0 || extra > 0 { ExitCode::Different } else { ExitCode::Success })
}

fn outlines<'a>(input: &'a Input, args: &Diff) -> Result<Vec<Outline<'a>>, Failure> {
    let mut outlines = Vec::new();
    for pickle in input.pickles(&args.reading)? {
        if let Some(failure) = input.trailing(&pickle) {
            return Err(failure);
        }
        match Outline::read_damaged(pickle.bytes, pickle.base) {
            (outline, None) => outlines.push(outline),
            (_, Some(error)) => return Err(Failure::of(&input.name, error)),
        }
    }
    Ok(outlines)
}

/// An object with its type, where its text does not tell.
fn describe(outline: &Outline<'_>, id: NodeId, room: usize) -> String {
    fit(&outline.brief(id, room), room)
}
