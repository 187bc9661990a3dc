//! The reference page of the command line says what the program says.

#[path = "../examples/reference.rs"]
#[allow(dead_code)]
mod reference;

#[test]
fn the_reference_page_is_current() {
    let page = include_str!("../../../docs/reference/command-line.md");
    assert!(
        page == reference::page(),
        "run `cargo run -p brinery-cli --example reference > docs/reference/command-line.md`"
    );
}
