//! `cargo xtask demo`: from nothing to tables in a DuckDB file.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::toolbox::{self, Profile, Toolbox};

/// Queries that show what the load made.
const QUERIES: [&str; 2] = [
    "SELECT id, created_at, status, total, customer__address__city FROM orders ORDER BY id LIMIT 5",
    "SELECT i.attributes__color AS color, count(*) AS items, round(sum(i.qty * i.price), 2) AS revenue \
     FROM orders AS o JOIN orders__items AS i ON i._dlt_parent_id = o._dlt_id \
     WHERE o.status = 'paid' GROUP BY color ORDER BY revenue DESC LIMIT 5",
];

/// `cargo xtask demo`.
pub fn run(_arguments: &[String]) -> Result<(), Failure> {
    let toolbox = Toolbox::new()?;
    eprintln!("building the release binary (minutes the first time)");
    let tipple = toolbox.tipple(Profile::Release)?;
    let folder = toolbox.work_folder("demo")?;
    fs::remove_dir_all(&folder).map_err(Failure::file("remove", &folder))?;
    fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
    let database = folder.join("demo.duckdb");
    let input = toolbox.root.join("fixtures/orders/orders.jsonl");
    let step = |words: &[&str]| -> Result<(), Failure> {
        println!("\n$ tipple {}", words.join(" "));
        let mut command: Command = toolbox.program(&tipple);
        command.current_dir(&folder).args(words);
        command.env("DLT_DATA_DIR", folder.join("data"));
        toolbox::run(&mut command)
    };
    println!("\n{}", first_line(&input)?);
    let (input, destination) = (
        input.display().to_string(),
        format!("duckdb:{}", database.display()),
    );
    step(&[
        "load",
        &input,
        "--table",
        "orders",
        "--primary-key",
        "id",
        "--pipeline",
        "demo",
        "--dataset",
        "shop",
        "--destination",
        &destination,
    ])?;
    for query in QUERIES {
        step(&["query", "demo", query])?;
    }
    step(&["demo"])?;
    println!("\nThe database is {}", database.display());
    Ok(())
}

fn first_line(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::file("read", path))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
