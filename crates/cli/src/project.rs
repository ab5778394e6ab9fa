//! The project around a command: settings, folders, pipelines. Read once, when a command first needs it.

use std::path::{Path, PathBuf};

use tipple_config::{Environment, PlacesRequest, Settings};
use tipple_pipeline::WorkDir;

use crate::args::Global;
use crate::diagnostics::{Diagnostic, codes, config, nearest};
use crate::output::Terminal;

/// Settings and folders of the project in which the program runs.
#[derive(Debug)]
pub struct Project {
    /// All settings.
    pub settings: Settings,
    pipelines_dir: Option<PathBuf>,
}

impl Project {
    /// Reads the settings files.
    ///
    /// # Errors
    /// A file that is no TOML or cannot be read.
    pub fn load(global: &Global, terminal: &Terminal) -> Result<Self, Diagnostic> {
        let project = Project::read(global)?;
        project.tell_warnings(terminal);
        Ok(project)
    }

    /// As [`Project::load`], and leaves it to the caller to tell what is odd about the settings.
    ///
    /// # Errors
    /// A file that is no TOML or cannot be read.
    pub fn read(global: &Global) -> Result<Self, Diagnostic> {
        let request = PlacesRequest {
            project_dir: global.project_dir.clone(),
            profile: global.profile.clone(),
        };
        let settings = Settings::load(&request, Environment::of_process())
            .map_err(|error| config::from_config(&error))?;
        Ok(Project {
            settings,
            pipelines_dir: global.pipelines_dir.clone(),
        })
    }

    /// A project with settings that do not come from the surroundings.
    pub fn of(settings: Settings) -> Self {
        Project {
            settings,
            pipelines_dir: None,
        }
    }

    /// Tells what is odd about the settings, each thing once.
    pub fn tell_warnings(&self, terminal: &Terminal) {
        for warning in self.settings.take_warnings() {
            terminal.warn(&warning.to_string());
        }
    }

    /// Folder of the working folders; `configured` is the pipeline's own setting.
    pub fn pipelines_dir(&self, configured: Option<&Path>) -> PathBuf {
        let places = self.settings.places();
        match (&self.pipelines_dir, configured) {
            (Some(asked), _) => std::path::absolute(asked).unwrap_or_else(|_| asked.clone()),
            (None, Some(configured)) => configured.to_owned(),
            (None, None) => places.pipelines_dir(),
        }
    }

    /// Folder of the run documents of a pipeline.
    pub fn runs_dir(&self) -> PathBuf {
        self.settings.places().runs_dir()
    }

    /// Names of the pipelines that have a working folder, sorted.
    pub fn pipeline_names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.pipelines_dir(None)) else {
            return Vec::new();
        };
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> = folders
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// The working folder of a pipeline that exists.
    ///
    /// # Errors
    /// No such pipeline; the nearest spelling is told.
    pub fn workdir(&self, name: &str) -> Result<WorkDir, Diagnostic> {
        let root = self.pipelines_dir(None).join(name);
        let is_name = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
        if is_name && root.is_dir() {
            Ok(WorkDir::view(root))
        } else {
            Err(self.no_pipeline(name))
        }
    }

    fn no_pipeline(&self, name: &str) -> Diagnostic {
        let known = self.pipeline_names();
        let folder = self.pipelines_dir(None);
        let diagnostic = Diagnostic::new(
            &codes::PIPELINE_NOT_FOUND,
            format!("there is no pipeline `{name}`"),
        )
        .with("looked", format!("in {}", short_path(&folder)));
        let diagnostic = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        };
        diagnostic.next("tipple pipeline")
    }
}

/// A path as people write it: `~` for the home folder.
pub fn short_path(path: &Path) -> String {
    let home = std::env::home_dir().filter(|home| home.as_os_str().len() > 1);
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
