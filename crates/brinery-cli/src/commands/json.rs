//! `brinery json`

use super::show::no_path;
use crate::args::Json;
use crate::exit::{ExitCode, Failure};
use crate::input;
use crate::json::{Layout, Writer};
use crate::output::Terminal;
use brinery::inspect::{Kind, Outline};

pub(crate) fn run(args: &Json, terminal: &mut Terminal<'_>) -> Result<ExitCode, Failure> {
    let layout = if args.lines || args.compact { Layout::OneLine } else { Layout::Indented };
    input::each(&args.inputs, terminal, |input, terminal| {
        for pickle in input.pickles(&args.inputs.reading)? {
            if let Some(failure) = input.trailing(&pickle) {
                return Err(failure);
            }
            let (outline, error) = Outline::read_damaged(pickle.bytes, pickle.base);
            if let Some(error) = error {
                return Err(Failure::of(&input.name, error));
            }
            let root = match &args.path {
                None => outline.root(),
                Some(path) => outline.find(path).map_err(|found| no_path(&input.name, path, &found))?,
            };
            let mut writer = Writer::new(&outline, layout);
            match outline.kind(root) {
                Kind::List(items) | Kind::Tuple(items) | Kind::Set(items) | Kind::FrozenSet(items)
                    if args.lines =>
                {
                    for &item in items {
                        writer.write(item, terminal.out())?;
                    }
                }
                _ => writer.write(root, terminal.out())?,
            }
        }
        Ok(())
    })
}
