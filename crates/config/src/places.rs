//! Directories and the profile: where settings, pipelines and local data are (spec/config.md §1).

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// Profile of a workspace that has chosen none.
const PROFILE_DEFAULT: &str = "dev";

/// Profiles that every workspace has.
pub const PROFILES_BUILT_IN: [&str; 4] = ["dev", "prod", "tests", "access"];

const PROFILE_PIN: &str = "profile-name";
const WORKSPACE_MARK: &str = ".workspace";

/// Directories of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Project directory, where a run looks for relative paths.
    pub project_dir: PathBuf,
    /// Settings directory: `<project>/.dlt`.
    pub settings_dir: PathBuf,
    /// Directory of the settings for all projects of a user.
    pub global_dir: PathBuf,
    /// Directory of what pipelines keep: working folders under `pipelines/`.
    pub data_dir: PathBuf,
    /// Directory of local destinations: DuckDB files, relative paths.
    pub local_dir: PathBuf,
    /// Profile; only in a workspace.
    pub profile: Option<String>,
}

/// What decides about the places besides files.
#[derive(Debug, Clone, Default)]
pub struct PlacesRequest {
    /// Project directory; `DLT_PROJECT_DIR` or the current directory if absent.
    pub project_dir: Option<PathBuf>,
    /// Profile; the pinned one if absent. Ignored outside a workspace.
    pub profile: Option<String>,
}

impl Places {
    /// Finds the directories and the profile. Reads marks and the pin, creates nothing.
    pub fn find(request: &PlacesRequest, environment: &Environment) -> Places {
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let project_dir = request
            .project_dir
            .clone()
            .or_else(|| variable("DLT_PROJECT_DIR").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("."));
        let project_dir = std::path::absolute(&project_dir).unwrap_or(project_dir);
        let folder = variable("DLT_CONFIG_FOLDER").unwrap_or(".dlt");
        let settings_dir = project_dir.join(folder);
        let global_dir = global_dir(environment, folder);
        let profile = settings_dir
            .join(WORKSPACE_MARK)
            .is_file()
            .then(|| profile(request, environment, &settings_dir));
        let (data_dir, local_dir) = match &profile {
            Some(profile) => (
                workspace_dir(&settings_dir, &project_dir, "state", profile),
                workspace_dir(&settings_dir, &project_dir, "data", profile),
            ),
            None => (global_dir.clone(), project_dir.clone()),
        };
        Places {
            data_dir: variable("DLT_DATA_DIR").map_or(data_dir, |dir| project_dir.join(dir)),
            local_dir: variable("DLT_LOCAL_DIR").map_or(local_dir, |dir| project_dir.join(dir)),
            project_dir,
            settings_dir,
            global_dir,
            profile,
        }
    }

    /// Directory of the working folders of pipelines.
    pub fn pipelines_dir(&self) -> PathBuf {
        self.data_dir.join("pipelines")
    }

    /// Directory of tipple's own documents about pipelines (runs), which `sync` and `drop` do not touch.
    pub fn runs_dir(&self) -> PathBuf {
        self.data_dir.join("tipple").join("runs")
    }

    /// File that pins a profile.
    pub fn profile_pin(&self) -> PathBuf {
        self.settings_dir.join(PROFILE_PIN)
    }

    /// Profiles that can be chosen: the built-in ones and a pinned other one.
    pub fn profiles(&self) -> Vec<String> {
        let mut profiles: Vec<String> = PROFILES_BUILT_IN.map(str::to_owned).into();
        profiles.extend(
            pinned(&self.settings_dir)
                .filter(|pinned| !PROFILES_BUILT_IN.contains(&pinned.as_str())),
        );
        profiles
    }

    /// True if the settings may have a home directory's global directory set aside for `~/.dlt`.
    pub(crate) fn ignores_xdg(&self, environment: &Environment) -> bool {
        environment
            .get("XDG_DATA_HOME")
            .is_some_and(|xdg| !self.global_dir.starts_with(xdg))
            && environment
                .home()
                .is_some_and(|home| self.global_dir.starts_with(home))
    }

    /// Files that one TOML provider reads, first one wins: profile before plain, project before global.
    pub(crate) fn files(&self, file_name: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in [&self.settings_dir, &self.global_dir] {
            if let Some(profile) = &self.profile {
                files.push(folder.join(format!("{profile}.{file_name}")));
            }
            files.push(folder.join(file_name));
        }
        files
    }
}

fn profile(request: &PlacesRequest, environment: &Environment, settings_dir: &Path) -> String {
    let named = request.profile.clone().filter(|name| !name.is_empty());
    let variable = environment
        .get("WORKSPACE__PROFILE")
        .filter(|name| !name.is_empty());
    named
        .or_else(|| variable.map(str::to_owned))
        .or_else(|| pinned(settings_dir))
        .unwrap_or_else(|| PROFILE_DEFAULT.to_owned())
}

fn pinned(settings_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(settings_dir.join(PROFILE_PIN)).ok()?;
    let name = text.lines().next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn global_dir(environment: &Environment, folder: &str) -> PathBuf {
    if environment.is_root() {
        return PathBuf::from("/var/dlt");
    }
    let Some(home) = environment.home().filter(|home| is_writable(home)) else {
        return std::env::temp_dir().join("dlt");
    };
    let default = home.join(folder);
    match environment.get("XDG_DATA_HOME") {
        Some(xdg) if !xdg.is_empty() && !default.is_dir() => Path::new(xdg).join("dlt"),
        _ => default,
    }
}

fn workspace_dir(settings_dir: &Path, project_dir: &Path, kind: &str, profile: &str) -> PathBuf {
    if is_writable(settings_dir) {
        return settings_dir.join(kind).join(profile);
    }
    let name = project_dir
        .file_name()
        .map_or_else(|| "_dlt".into(), |name| name.to_owned());
    std::env::temp_dir()
        .join("dlt")
        .join(kind)
        .join(name)
        .join(profile)
}

/// True if files can be made in the directory, found out without making one.
fn is_writable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_dir() && !found.permissions().readonly())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use std::fs;

    use super::*;

    fn find(root: &Path, environment: &Environment) -> Places {
        let request = PlacesRequest {
            project_dir: Some(root.join("project")),
            profile: None,
        };
        Places::find(&request, environment)
    }

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("project/.dlt")).unwrap();
        root
    }

    #[test]
    fn a_plain_project_keeps_pipelines_in_the_home_directory() {
        let root = root();
        let places = find(root.path(), &Environment::of(root.path(), []));
        assert_eq!(places.settings_dir, root.path().join("project/.dlt"));
        assert_eq!(places.pipelines_dir(), root.path().join(".dlt/pipelines"));
        assert_eq!(places.local_dir, root.path().join("project"));
        assert_eq!(places.profile, None);
    }

    #[test]
    fn root_has_its_own_global_directory() {
        let root = root();
        let places = find(root.path(), &Environment::of(root.path(), []).as_root());
        assert_eq!(places.global_dir, Path::new("/var/dlt"));
    }

    #[test]
    fn the_xdg_directory_counts_only_without_a_dlt_directory_at_home() {
        let root = root();
        let environment = Environment::of(root.path(), [("XDG_DATA_HOME", "/xdg")]);
        assert_eq!(
            find(root.path(), &environment).global_dir,
            Path::new("/xdg/dlt")
        );
        fs::create_dir(root.path().join(".dlt")).unwrap();
        let places = find(root.path(), &environment);
        assert_eq!(places.global_dir, root.path().join(".dlt"));
        assert!(places.ignores_xdg(&environment));
    }

    #[test]
    fn variables_move_the_directories() {
        let root = root();
        let environment = Environment::of(
            root.path(),
            [
                ("DLT_DATA_DIR", "/data"),
                ("DLT_LOCAL_DIR", "here"),
                ("DLT_CONFIG_FOLDER", "conf"),
            ],
        );
        let places = find(root.path(), &environment);
        assert_eq!(places.data_dir, Path::new("/data"));
        assert_eq!(places.local_dir, root.path().join("project/here"));
        assert_eq!(places.settings_dir, root.path().join("project/conf"));
    }

    #[test]
    fn a_workspace_takes_its_profile_from_request_variable_pin_default() {
        let root = root();
        let settings = root.path().join("project/.dlt");
        fs::write(settings.join(".workspace"), "").unwrap();
        let environment = Environment::of(root.path(), []);
        let places = find(root.path(), &environment);
        assert_eq!(places.profile.as_deref(), Some("dev"));
        assert_eq!(places.data_dir, settings.join("state/dev"));
        assert_eq!(places.local_dir, settings.join("data/dev"));
        fs::write(settings.join("profile-name"), "mine\nother\n").unwrap();
        let places = find(root.path(), &environment);
        assert_eq!(places.profile.as_deref(), Some("mine"));
        assert_eq!(
            places.profiles(),
            ["dev", "prod", "tests", "access", "mine"]
        );
        let environment = Environment::of(root.path(), [("WORKSPACE__PROFILE", "prod")]);
        assert_eq!(
            find(root.path(), &environment).profile.as_deref(),
            Some("prod")
        );
        let request = PlacesRequest {
            project_dir: Some(root.path().join("project")),
            profile: Some("tests".to_owned()),
        };
        assert_eq!(
            Places::find(&request, &environment).profile.as_deref(),
            Some("tests")
        );
    }
}
