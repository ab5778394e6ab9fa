//! `tipple demo`: two APIs, served by this process, into a DuckDB file, with the sources that come with the program.
//!
//! Nothing is needed: no key, no network, no settings. What is loaded and asked is what a user would type; only the
//! server is not real.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use tipple_config::{Environment, PlacesRequest, Settings};
use tipple_mockapi::{MockApi, Options};
use tipple_pipeline::RunOptions;
use tipple_source::PipelineFile;
use tipple_source::document::Syntax;

use super::{Outcome, query, run};
use crate::diagnostics::{Diagnostic, codes, config, source};
use crate::exit::Exit;
use crate::interrupt;
use crate::output::{Terminal, batches, print};
use crate::project::Project;
use crate::sources;
use crate::target::{Target, Wish};

/// Key of the server in this process.
const KEY: &str = "demo-key-of-the-local-server";

/// One of the two loads.
struct Part {
    /// Name of the pipeline and of its dataset.
    name: &'static str,
    /// What the pipeline file says.
    text: String,
    /// Tables whose rows are counted.
    tables: &'static [&'static str],
    /// A parent and its children side by side.
    join: &'static str,
}

/// Arguments of `tipple demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder to work in; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "tipple-demo")]
    folder: PathBuf,
}

impl Demo {
    /// Loads both APIs and shows the tables.
    pub fn run(self, terminal: &Terminal) -> Outcome {
        let failed = |error: std::io::Error| {
            let what = format!("cannot make `{}`", self.folder.display());
            Diagnostic::new(&codes::USAGE_FILE, what).with("why", error.to_string())
        };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let folder = std::path::absolute(&self.folder).map_err(failed)?;
        let options = Options {
            key: KEY.to_owned(),
            ..Options::default()
        };
        let server = MockApi::start(options)
            .map_err(|error| Diagnostic::new(&codes::INTERNAL_BUG, error.to_string()))?;
        terminal.note(&format!(
            "a server imitates api.video and Pixlee at {}",
            server.url()
        ));
        let project = project(&folder)?;
        let stop = interrupt::flag();
        for part in [api_video(&server), pixlee(&server)] {
            part.run(&project, &folder, terminal, &stop)?;
        }
        terminal.note(&format!(
            "\nthe database is {}",
            database(&folder).display()
        ));
        Ok(Exit::Done)
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join("demo.duckdb")
}

/// Settings that hold nothing but the key.
fn project(folder: &Path) -> Result<Project, Diagnostic> {
    let data = folder.join("data").display().to_string();
    let variables = [
        ("DLT_DATA_DIR", data.as_str()),
        ("SOURCES__API_VIDEO_SOURCE__API_KEY", KEY),
        ("SOURCES__PIXLEE_SOURCE__API_KEY", KEY),
    ];
    let request = PlacesRequest {
        project_dir: Some(folder.to_owned()),
        profile: None,
    };
    let settings = Settings::load(&request, Environment::of(folder, variables));
    Ok(Project::of(
        settings.map_err(|error| config::from_config(&error))?,
    ))
}

fn api_video(server: &MockApi) -> Part {
    Part {
        name: "demo_api_video",
        text: format!(
            "source: api_video\noptions: {{base_url: \"{}\"}}\nresources: [videos, video_status, summaries, players]\n",
            server.url()
        ),
        tables: &[
            "videos",
            "videos__tags",
            "video_status",
            "summaries",
            "players",
        ],
        join: "SELECT v.title, v.created_at, t.value AS tag FROM videos AS v \
               JOIN videos__tags AS t ON t._dlt_parent_id = v._dlt_id ORDER BY v.created_at, t._dlt_list_idx LIMIT 5",
    }
}

fn pixlee(server: &MockApi) -> Part {
    Part {
        name: "demo_pixlee",
        text: format!(
            "source: pixlee\noptions: {{base_url: \"{}\"}}\nresources: [albums, album_photos]\n",
            server.pixlee_url()
        ),
        tables: &["albums", "album_photos", "album_photos__products"],
        join: "SELECT a.title AS album, count(*) AS photos FROM albums AS a \
               JOIN album_photos AS p ON p.album_id = a.id GROUP BY a.title ORDER BY photos DESC, album LIMIT 5",
    }
}

impl Part {
    fn run(
        &self,
        project: &Project,
        folder: &Path,
        terminal: &Terminal,
        stop: &Arc<AtomicBool>,
    ) -> Result<(), Diagnostic> {
        let path = folder.join(format!("{}.yaml", self.name));
        let written = std::fs::write(&path, &self.text);
        written.map_err(|error| {
            let what = format!("cannot write `{}`", path.display());
            Diagnostic::new(&codes::USAGE_FILE, what).with("why", error.to_string())
        })?;
        print(&format!(
            "\n{}:\n{}\n",
            path.display(),
            indented(&self.text)
        ));
        let file = PipelineFile::parse(&self.text, &path, Syntax::Yaml)
            .map_err(|error| source::from_source(&error))?;
        let destination = format!("duckdb:{}", database(folder).display());
        let wish = Wish {
            destination: Some(&destination),
            dataset: Some(self.name),
            ..Wish::default()
        };
        let target = Target::resolve(project, self.name, &wish)?;
        let around = sources::Surroundings {
            settings: &project.settings,
            runtime: &target.settings.runtime,
            extract: &target.settings.extract,
            keeps_checkpoints: true,
        };
        let prepared = sources::of_file(&file, &around, stop);
        let prepared = prepared.map_err(|error| source::from_source(&error))?;
        run::load(
            target,
            &prepared.source,
            &RunOptions::default(),
            terminal,
            stop,
        )?;
        let target = Target::resolve(project, self.name, &wish)?;
        self.show(&target, &self.counts(), terminal)?;
        self.show(&target, self.join, terminal)
    }

    /// One row per table.
    fn counts(&self) -> String {
        let count =
            |table: &&str| format!("SELECT '{table}' AS \"table\", count(*) AS rows FROM {table}");
        let counts: Vec<String> = self.tables.iter().map(count).collect();
        counts.join(" UNION ALL ")
    }

    fn show(&self, target: &Target, sql: &str, terminal: &Terminal) -> Result<(), Diagnostic> {
        print(&format!("\n$ tipple query {} \"{sql}\"\n", self.name));
        let rows = super::block_on(query::ask(target, sql, None))?;
        let sheet = batches::to_sheet(&rows, None);
        let sheet =
            sheet.map_err(|error| Diagnostic::new(&codes::DESTINATION_QUERY, error.to_string()))?;
        terminal.print_sheet(&sheet);
        Ok(())
    }
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}
