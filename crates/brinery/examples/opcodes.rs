//! Prints the reference page of the opcodes from the table that the engine runs on:
//! `cargo run -p brinery --example opcodes > docs/concepts/opcodes.md`.

use brinery::{Opcode, StackItem};
use std::fmt::Write as _;

fn main() {
    print!("{}", page());
}

/// The page in Markdown.
pub(crate) fn page() -> String {
    let mut text = String::from(
        "# Opcodes\n\n\
         A pickle is a program for a small stack machine: opcodes with their arguments, one after the other, up to `STOP`.\n\
         This is the table that brinery itself runs on; the reader, the disassembler and this page are made from it. The\n\
         [page on the format](format.md) explains how they work together.\n\n\
         *Argument* is what follows the opcode byte: `uint1`, `int4` and the like are little-endian numbers with their width in\n\
         bytes (`float8` alone is big-endian); a name with `nl` is text up to a newline; the others, such as `bytes4`, are\n\
         data after a length of that many bytes.\n\
         *Stack* shows what the opcode takes and leaves, the top to the right; `mark … stackslice` is a mark and everything\n\
         above it.\n",
    );
    for protocol in 0..=5 {
        write!(text, "\n## Protocol {protocol}\n\n").unwrap();
        text.push_str("| byte | opcode | argument | stack | meaning |\n|---|---|---|---|---|\n");
        for info in Opcode::ALL.iter().map(|opcode| opcode.info()).filter(|info| info.protocol == protocol) {
            writeln!(
                text,
                "| `{:02x}`{} | `{}` | {} | {} → {} | {} |",
                info.opcode.byte(),
                printable(info.opcode.byte()),
                info.name,
                if info.argument.name() == "none" { "" } else { info.argument.name() },
                items(info.before),
                items(info.after),
                info.doc.replace('|', "\\|"),
            )
            .unwrap();
        }
    }
    text
}

/// The byte as a character, where it is one.
fn printable(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!(" `{}`", byte as char) } else { String::new() }
}

/// Stack items, the top last.
fn items(items: &[StackItem]) -> String {
    if items.is_empty() {
        return "–".into();
    }
    items.iter().map(|item| item.name()).collect::<Vec<_>>().join(" ")
}
