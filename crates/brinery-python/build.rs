//! Hands the configuration of the target interpreter to the crate: `Py_3_x`, `Py_GIL_DISABLED`, and on Windows the
//! library that has the few symbols which the crate declares itself.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("windows") {
        let config = pyo3_build_config::get();
        if let Some(directory) = config.lib_dir() {
            println!("cargo:rustc-link-search=native={directory}");
        }
        if let Some(library) = config.lib_name() {
            println!("cargo:rustc-link-lib={library}");
        }
    }
}
