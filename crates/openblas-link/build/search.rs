//! Where OpenBLAS may be, in the order of how explicitly somebody said so.
//!
//! A directory named by a variable wins and must be right: falling back silently would link another library than the one
//! asked for. After that come the two package managers that know (`pkg-config`, Homebrew), then the directories in which
//! distributions and OpenBLAS itself install. The machine is a value, so that every route can be tested on any other machine.

use std::path::{Path, PathBuf};

/// The questions that the search asks of the machine it runs on.
pub struct Machine<'a> {
    /// The value of an environment variable that is set and not empty.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a file is there.
    pub is_file: &'a dyn Fn(&Path) -> bool,
    /// What a program prints, if it runs and succeeds.
    pub output: &'a dyn Fn(&str, &[&str]) -> Option<String>,
}

/// The machine that the library is linked for, in Cargo's words.
pub struct Target {
    /// For example `x86_64-unknown-linux-gnu`.
    pub triple: String,
    /// For example `linux`.
    pub os: String,
    /// For example `x86_64`.
    pub arch: String,
    /// Whether the program will run on the machine that builds it.
    pub is_host: bool,
}

/// A library to link.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// The directory to search, unless the linker's own directories hold the library.
    pub directory: Option<PathBuf>,
    /// The name to pass to the linker.
    pub library: String,
}

/// Finds OpenBLAS, or says what to install or to set.
pub fn find(machine: &Machine, target: &Target) -> Result<Found, String> {
    if let Some(directory) = (machine.variable)("OPENBLAS_LIB_DIR") {
        return in_named_directory(machine, target, "OPENBLAS_LIB_DIR", &[PathBuf::from(directory)]);
    }
    if let Some(prefix) = (machine.variable)("OPENBLAS_DIR") {
        let prefix = PathBuf::from(prefix);
        let candidates = [prefix.join("lib"), prefix.join("lib64"), prefix];
        return in_named_directory(machine, target, "OPENBLAS_DIR", &candidates);
    }
    let mut searched = Vec::new();
    if target.is_host {
        let program = (machine.variable)("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
        match (machine.output)(&program, &["--libs", "openblas"]) {
            Some(flags) => {
                if let Some(found) = from_linker_flags(&flags) {
                    return Ok(found);
                }
                searched.push(format!(
                    "`{program} --libs openblas` (no OpenBLAS in its answer: {})",
                    flags.trim()
                ));
            }
            None => searched.push(format!("`{program} --libs openblas` (failed)")),
        }
    }
    let mut directories = Vec::new();
    if target.is_host
        && target.os == "macos"
        && let Some(prefix) = (machine.output)("brew", &["--prefix", "openblas"])
    {
        directories.push(Path::new(prefix.trim()).join("lib"));
    }
    directories.extend(usual_directories(target));
    if let Some(found) = first_with_library(machine, target, &directories) {
        return Ok(found);
    }
    searched.extend(
        directories
            .iter()
            .map(|directory| directory.display().to_string()),
    );
    Err(not_found(target, &searched))
}

/// The library in the directories that a variable names, or an error that names the variable.
fn in_named_directory(
    machine: &Machine,
    target: &Target,
    variable: &str,
    candidates: &[PathBuf],
) -> Result<Found, String> {
    first_with_library(machine, target, candidates).ok_or_else(|| {
        let directories: Vec<String> = candidates.iter().map(|d| d.display().to_string()).collect();
        let files: Vec<&str> = library_files(target).iter().map(|&(file, _)| file).collect();
        format!(
            "{variable} is set, but none of {} is in {}.\n\
             Set OPENBLAS_LIB_DIR to the directory that holds the shared library, or unset {variable} to search the system.",
            files.join(", "),
            directories.join(", "),
        )
    })
}

fn first_with_library(machine: &Machine, target: &Target, directories: &[PathBuf]) -> Option<Found> {
    directories.iter().find_map(|directory| {
        library_files(target)
            .iter()
            .find(|(file, _)| (machine.is_file)(&directory.join(file)))
            .map(|&(_, library)| Found {
                directory: Some(directory.clone()),
                library: library.into(),
            })
    })
}

/// The files that a linker can use, each with the name to ask it for.
fn library_files(target: &Target) -> &'static [(&'static str, &'static str)] {
    match target.os.as_str() {
        "macos" => &[("libopenblas.dylib", "openblas")],
        "windows" if target.triple.ends_with("gnu") => &[("libopenblas.dll.a", "openblas")],
        "windows" => &[("openblas.lib", "openblas"), ("libopenblas.lib", "libopenblas")],
        _ => &[("libopenblas.so", "openblas")],
    }
}

/// Reads `-L` and `-l` from a line such as `-L/usr/lib/x86_64-linux-gnu/openblas-pthread/ -lopenblas`.
fn from_linker_flags(flags: &str) -> Option<Found> {
    // Variants are named after what sets them apart: `openblasp` has threads; `openblas64_` has 64-bit integers, which do not
    // fit LAPACK's usual interface.
    let fits = |name: &str| name.starts_with("openblas") && !name.contains("64");
    let mut directory = None;
    let mut library = None;
    for flag in flags.split_whitespace() {
        if let Some(path) = flag.strip_prefix("-L") {
            directory.get_or_insert_with(|| PathBuf::from(path));
        } else if let Some(name) = flag.strip_prefix("-l") {
            library = library.or_else(|| fits(name).then(|| name.to_owned()));
        }
    }
    library.map(|library| Found { directory, library })
}

/// Where distributions and OpenBLAS's own installation put the library.
fn usual_directories(target: &Target) -> Vec<PathBuf> {
    let directories: Vec<String> = match target.os.as_str() {
        "macos" => [
            "/opt/homebrew/opt/openblas/lib",
            "/usr/local/opt/openblas/lib",
            "/opt/OpenBLAS/lib",
        ]
        .map(String::from)
        .to_vec(),
        "windows" => Vec::new(),
        _ => {
            // Debian's multiarch directories work for cross-compilation too: each holds one architecture.
            let debian = format!("/usr/lib/{}", debian_architecture(target));
            let mut directories = vec![
                debian.clone(),
                format!("{debian}/openblas-pthread"),
                format!("{debian}/openblas-serial"),
                format!("{debian}/openblas-openmp"),
            ];
            if target.is_host {
                directories.extend(
                    ["/usr/lib64", "/usr/lib", "/usr/local/lib", "/opt/OpenBLAS/lib"].map(String::from),
                );
            }
            directories
        }
    };
    directories.into_iter().map(PathBuf::from).collect()
}

/// Debian's name for an architecture, for example `x86_64-linux-gnu`.
fn debian_architecture(target: &Target) -> String {
    match target.arch.as_str() {
        "x86" => "i386-linux-gnu".into(),
        "arm" => "arm-linux-gnueabihf".into(),
        "powerpc64" => "powerpc64le-linux-gnu".into(),
        arch => format!("{arch}-linux-gnu"),
    }
}

fn not_found(target: &Target, searched: &[String]) -> String {
    let install = match target.os.as_str() {
        "macos" => "Install it with `brew install openblas`",
        "windows" => "Unpack a release of OpenBLAS",
        _ => {
            "Install it with `apt-get install libopenblas-dev` (Debian, Ubuntu) or `dnf install openblas-devel` (Fedora)"
        }
    };
    let places = if searched.is_empty() {
        "nowhere: this target has no usual place".into()
    } else {
        searched.join(", ")
    };
    format!(
        "OpenBLAS was not found for {}.\n\
         {install}, or set OPENBLAS_LIB_DIR to the directory that holds its shared library, or OPENBLAS_DIR to its prefix.\n\
         Searched: {places}.",
        target.triple,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux() -> Target {
        Target {
            triple: "x86_64-unknown-linux-gnu".into(),
            os: "linux".into(),
            arch: "x86_64".into(),
            is_host: true,
        }
    }

    /// Searches a machine with these variables, files and command outputs.
    fn search(
        target: &Target,
        variables: &[(&str, &str)],
        files: &[&str],
        outputs: &[(&str, &str)],
    ) -> Result<Found, String> {
        let lookup = |table: &[(&str, &str)], key: &str| {
            table
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| (*value).to_owned())
        };
        find(
            &Machine {
                variable: &|name| lookup(variables, name),
                is_file: &|path| files.iter().any(|file| Path::new(file) == path),
                output: &|program, _| lookup(outputs, program),
            },
            target,
        )
    }

    fn found(directory: &str, library: &str) -> Found {
        Found {
            directory: Some(directory.into()),
            library: library.into(),
        }
    }

    #[test]
    fn a_named_directory_wins_over_everything_installed() {
        let files = ["/a/libopenblas.so", "/b/lib64/libopenblas.so"];
        let outputs = [("pkg-config", "-L/c -lopenblas")];
        let both = [("OPENBLAS_LIB_DIR", "/a"), ("OPENBLAS_DIR", "/b")];
        assert_eq!(
            search(&linux(), &both, &files, &outputs),
            Ok(found("/a", "openblas"))
        );
        assert_eq!(
            search(&linux(), &both[1..], &files, &outputs),
            Ok(found("/b/lib64", "openblas"))
        );
        assert_eq!(
            search(&linux(), &[], &files, &outputs),
            Ok(found("/c", "openblas"))
        );
    }

    #[test]
    fn a_named_directory_without_the_library_is_an_error_even_when_another_is_installed() {
        let files = ["/usr/lib/x86_64-linux-gnu/libopenblas.so"];
        for variable in ["OPENBLAS_LIB_DIR", "OPENBLAS_DIR"] {
            let message = search(&linux(), &[(variable, "/typo")], &files, &[]).unwrap_err();
            assert!(message.starts_with(&format!("{variable} is set")), "{message}");
            assert!(message.contains("/typo"), "{message}");
        }
    }

    #[test]
    fn pkg_config_may_be_another_binary_and_its_answer_is_read_flag_by_flag() {
        let other = [("PKG_CONFIG", "aarch64-pkg-config")];
        let outputs = [(
            "aarch64-pkg-config",
            "-L/x/lib -L/y/lib -lm -lopenblasp -lgfortran\n",
        )];
        assert_eq!(
            search(&linux(), &other, &[], &outputs),
            Ok(found("/x/lib", "openblasp"))
        );
        let system = search(&linux(), &[], &[], &[("pkg-config", "-lopenblas\n")]).unwrap();
        assert_eq!(system.directory, None);
    }

    #[test]
    fn a_library_with_64_bit_integers_is_not_taken() {
        let outputs = [("pkg-config", "-L/x -lopenblas64_")];
        let message = search(&linux(), &[], &[], &outputs).unwrap_err();
        assert!(message.contains("-lopenblas64_"), "{message}");
    }

    #[test]
    fn homebrew_is_asked_on_macos_only() {
        let outputs = [("brew", "/brew/opt/openblas\n")];
        let macos = Target {
            triple: "aarch64-apple-darwin".into(),
            os: "macos".into(),
            arch: "aarch64".into(),
            is_host: true,
        };
        let files = [
            "/brew/opt/openblas/lib/libopenblas.dylib",
            "/brew/opt/openblas/lib/libopenblas.so",
        ];
        assert_eq!(
            search(&macos, &[], &files, &outputs),
            Ok(found("/brew/opt/openblas/lib", "openblas"))
        );
        assert!(search(&linux(), &[], &files, &outputs).is_err());
    }

    #[test]
    fn cross_compilation_ignores_the_building_machine() {
        let arm = Target {
            triple: "aarch64-unknown-linux-gnu".into(),
            os: "linux".into(),
            arch: "aarch64".into(),
            is_host: false,
        };
        let files = [
            "/usr/lib/libopenblas.so",
            "/usr/lib/x86_64-linux-gnu/libopenblas.so",
        ];
        let outputs = [("pkg-config", "-L/host -lopenblas")];
        assert!(search(&arm, &[], &files, &outputs).is_err());
        let multiarch = ["/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so"];
        assert_eq!(
            search(&arm, &[], &multiarch, &outputs),
            Ok(found("/usr/lib/aarch64-linux-gnu/openblas-pthread", "openblas"))
        );
    }

    #[test]
    fn windows_asks_for_the_import_library_that_is_there() {
        let windows = Target {
            triple: "x86_64-pc-windows-msvc".into(),
            os: "windows".into(),
            arch: "x86_64".into(),
            is_host: true,
        };
        let variables = [("OPENBLAS_DIR", "C")];
        let path = Path::new("C").join("lib").join("libopenblas.lib");
        let files = [path.to_str().unwrap()];
        assert_eq!(
            search(&windows, &variables, &files, &[]).unwrap().library,
            "libopenblas"
        );
        assert!(
            search(&windows, &[], &files, &[])
                .unwrap_err()
                .contains("OPENBLAS_LIB_DIR")
        );
    }

    #[test]
    fn nothing_found_says_what_to_install_and_where_it_looked() {
        let message = search(&linux(), &[], &[], &[]).unwrap_err();
        for part in [
            "apt-get install libopenblas-dev",
            "OPENBLAS_LIB_DIR",
            "pkg-config",
            "/opt/OpenBLAS/lib",
        ] {
            assert!(message.contains(part), "{part} is missing from: {message}");
        }
    }
}
