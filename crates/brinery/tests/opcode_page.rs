//! The opcode page of the documentation says what the table says.

#[path = "../examples/opcodes.rs"]
#[allow(dead_code)]
mod opcodes;

#[test]
fn the_opcode_page_is_current() {
    let page = include_str!("../../../docs/concepts/opcodes.md");
    assert!(
        page == opcodes::page(),
        "run `cargo run -p brinery --example opcodes > docs/concepts/opcodes.md`"
    );
}
