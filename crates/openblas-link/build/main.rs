//! Looks for OpenBLAS and prints the link lines; see `search.rs` for where it looks and why.

#![allow(
    clippy::print_stdout,
    reason = "a build script speaks to Cargo on its standard output"
)]

mod search;

use std::env;
use std::path::Path;
use std::process::Command;

use search::{Machine, Target};

/// The environment variables that change the outcome.
const VARIABLES: [&str; 5] = [
    "OPENBLAS_LIB_DIR",
    "OPENBLAS_DIR",
    "PKG_CONFIG",
    "PKG_CONFIG_PATH",
    "DOCS_RS",
];

fn main() {
    for variable in VARIABLES {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build");
    // Documentation is built without linking, on machines without OpenBLAS.
    if env::var_os("CARGO_FEATURE_LINK").is_none() || env::var_os("DOCS_RS").is_some() {
        return;
    }
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let required = |name: &str| env::var(name).unwrap_or_default();
    let machine = Machine {
        variable: &variable,
        is_file: &|path: &Path| path.is_file(),
        output: &output,
    };
    let target = Target {
        triple: required("TARGET"),
        os: required("CARGO_CFG_TARGET_OS"),
        arch: required("CARGO_CFG_TARGET_ARCH"),
        is_host: required("TARGET") == required("HOST"),
    };
    match search::find(&machine, &target) {
        Ok(found) => {
            if let Some(directory) = found.directory {
                println!("cargo::rustc-link-search=native={}", directory.display());
            }
            println!("cargo::rustc-link-lib=dylib={}", found.library);
        }
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
        }
    }
}

/// What a command prints, if it can be run and succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
