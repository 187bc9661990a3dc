//! Hands the `Py_3_x` and `Py_GIL_DISABLED` configuration of the target interpreter to the crate.
fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
