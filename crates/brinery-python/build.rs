//! Hands the configuration of the target interpreter to the crate: `Py_3_x`, `Py_GIL_DISABLED`, and on Windows the
//! library that has the few symbols which the crate declares itself. `known_layout` stands for interpreters whose memory
//! layout the modules in `ffi/layout` know.

use std::env::var;

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    let config = pyo3_build_config::get();
    let cfgs = config.build_script_outputs();
    let unknown = ["Py_3_14", "Py_GIL_DISABLED", "Py_DEBUG", "Py_REF_DEBUG", "Py_TRACE_REFS"];
    let ordinary = !cfgs.iter().any(|cfg| unknown.iter().any(|unknown| cfg.contains(unknown)));
    let target = |name: &str| var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    println!("cargo:rustc-check-cfg=cfg(known_layout)");
    if ordinary && target("POINTER_WIDTH") == "64" && target("ENDIAN") == "little" {
        println!("cargo:rustc-cfg=known_layout");
    }
    if target("OS") == "windows" {
        if let Some(directory) = config.lib_dir() {
            println!("cargo:rustc-link-search=native={directory}");
        }
        if let Some(library) = config.lib_name() {
            println!("cargo:rustc-link-lib={library}");
        }
    }
}
