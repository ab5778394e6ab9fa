//! Postgres: tipple, a binary COPY of the same finished rows, and dlt, all into the server of the lab.
//!
//! The COPY is the floor: what the server needs for rows that somebody else has made. It fills three new tables with the
//! same columns and constraints in one transaction. Every peer begins without tables.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::data::{self, Framing};
use super::table::{Line, print_lines};
use super::{Bench, DLT_PROGRAM, Peer};
use crate::failure::Failure;
use crate::lab::{self, Server};
use crate::python::DLT_POSTGRES;
use crate::toolbox::run;

/// Tables of the orders, parents first.
const TABLES: [&str; 3] = ["orders", "orders__items", "orders__tags"];

impl Bench {
    pub(super) fn postgres(&self) -> Result<(), Failure> {
        let (server, rows) = (lab::up()?, self.request.rows);
        let file = data::orders(&self.folder, rows, Framing::Lines)?;
        let peers = [
            Peer {
                label: "binary COPY",
                scale: 1.0,
                command: self.copy_command(&server, &file)?,
            },
            Peer {
                label: "tipple",
                scale: 1.0,
                command: self.postgres_load(&server, &file),
            },
            Peer {
                label: "dlt, csv",
                scale: 1.0,
                command: self.dlt_postgres(&server, &file)?,
            },
        ];
        println!("{rows} orders to Postgres, three tables with their unique constraints");
        let mut lines: Vec<Line> = peers
            .iter()
            .map(|peer| Line::new(peer.label, peer.scale))
            .collect();
        for round in 1..=self.request.runs {
            for (peer, line) in peers.iter().zip(&mut lines) {
                drop_tables(&server)?;
                let cost = self.once(&peer.command, None)?;
                eprintln!("round {round}: {} {:.2} s", peer.label, cost.wall);
                line.samples.push(cost);
            }
        }
        print_lines(&lines, 0);
        drop_tables(&server)?;
        sql(&server, "DROP SCHEMA bench_shape CASCADE")
    }

    fn postgres_load(&self, server: &Server, file: &Path) -> Command {
        let run = self.folder.join("run");
        let mut command = self.toolbox.program(&self.tipple);
        command.current_dir(&run).arg("load").arg(file);
        command.args(["--table", "orders", "--write-disposition", "replace"]);
        command.args(["--dataset", "bench_data", "--quiet", "--destination"]);
        command
            .arg(server.url())
            .env("DLT_DATA_DIR", run.join("data"));
        command
    }

    /// Rows as tipple leaves them go to files in COPY's binary form; the command reads them into new tables.
    fn copy_command(&self, server: &Server, file: &Path) -> Result<Command, Failure> {
        drop_tables(server)?;
        self.once(&self.postgres_load(server, file), None)?;
        let mut script = "\\set ON_ERROR_STOP on\nBEGIN;\nCREATE SCHEMA bench_copy;\n".to_owned();
        sql(
            server,
            "DROP SCHEMA IF EXISTS bench_shape CASCADE; CREATE SCHEMA bench_shape",
        )?;
        for table in TABLES {
            let rows = self.folder.join(format!("{table}.copy"));
            let rows = rows.display();
            let shape = format!("(LIKE bench_data.{table} INCLUDING ALL)");
            sql(server, &format!("CREATE TABLE bench_shape.{table} {shape}"))?;
            sql(
                server,
                &format!("\\copy bench_data.{table} TO '{rows}' (FORMAT binary)"),
            )?;
            script.push_str(&format!(
                "CREATE TABLE bench_copy.{table} (LIKE bench_shape.{table} INCLUDING ALL);\n\
                 \\copy bench_copy.{table} FROM '{rows}' (FORMAT binary)\n"
            ));
        }
        script.push_str("COMMIT;\n");
        let path = self.folder.join("copy.sql");
        fs::write(&path, script).map_err(Failure::file("write", &path))?;
        let mut command = server.psql();
        command.arg("-f").arg(path);
        Ok(command)
    }

    fn dlt_postgres(&self, server: &Server, file: &Path) -> Result<Command, Failure> {
        let program = self.folder.join("dlt_load.py");
        fs::write(&program, DLT_PROGRAM).map_err(Failure::file("write", &program))?;
        let mut command = Command::new(DLT_POSTGRES.python()?);
        command.current_dir(self.folder.join("run")).arg(program);
        command.arg(file).arg(server.url()).arg("csv");
        Ok(command)
    }
}

fn drop_tables(server: &Server) -> Result<(), Failure> {
    sql(
        server,
        "DROP SCHEMA IF EXISTS bench_data, bench_data_staging, bench_copy CASCADE",
    )
}

fn sql(server: &Server, statement: &str) -> Result<(), Failure> {
    let mut command = server.psql();
    command.args(["-c", statement]).stdout(Stdio::null());
    run(&mut command)
}
