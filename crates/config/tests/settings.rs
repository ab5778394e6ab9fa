//! Settings from variables and files, as a project sees them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tipple_config::{
    ConfigError, ConnectionString, Environment, Field, Kind, PlacesRequest, Resolved, RunSettings,
    Scope, Settings, Spec, Warning,
};

/// A project with these files (paths relative to the root that holds `project/` and the home directory).
struct Project(TempDir);

impl Project {
    fn new<const N: usize>(files: [(&str, &str); N]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("project/.dlt")).unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Project(root)
    }

    fn settings<const N: usize>(&self, variables: [(&str, &str); N]) -> Settings {
        self.try_settings(variables).unwrap()
    }

    fn try_settings<const N: usize>(
        &self,
        variables: [(&str, &str); N],
    ) -> Result<Settings, ConfigError> {
        let request = PlacesRequest {
            project_dir: Some(self.0.path().join("project")),
            profile: None,
        };
        Settings::load(&request, Environment::of(self.0.path(), variables))
    }

    /// Text without the directory of the test.
    fn shown(&self, text: impl ToString) -> String {
        let root = self.0.path().display().to_string();
        text.to_string()
            .replace(&format!("{root}/project"), "<project>")
            .replace(&root, "<home>")
    }
}

const SECRETS: &str = "project/.dlt/secrets.toml";
const CONFIG: &str = "project/.dlt/config.toml";

fn pixlee() -> Scope {
    Scope::source("pixlee", "pixlee_source")
}

fn text(settings: &Settings, scope: &Scope, key: &str) -> Option<String> {
    settings.text(scope, key).unwrap()
}

#[test]
fn the_environment_beats_secrets_and_secrets_beat_config() {
    let project = Project::new([
        (SECRETS, "[sources.pixlee]\na = 's'\nb = 's'"),
        (CONFIG, "a='c'\nb='c'\nc='c'"),
    ]);
    let settings = project.settings([("SOURCES__A", "e")]);
    assert_eq!(text(&settings, &pixlee(), "a").as_deref(), Some("e"));
    assert_eq!(text(&settings, &pixlee(), "b").as_deref(), Some("s"));
    assert_eq!(text(&settings, &pixlee(), "c").as_deref(), Some("c"));
    assert_eq!(text(&settings, &pixlee(), "d"), None);
}

#[test]
fn the_pipeline_name_in_front_beats_every_provider_without_it() {
    let project = Project::new([(CONFIG, "[wp.sources]\nkey = 'config of wp'")]);
    let settings = project.settings([("SOURCES__PIXLEE__KEY", "environment")]);
    assert_eq!(
        text(&settings, &pixlee(), "key").as_deref(),
        Some("environment")
    );
    let scope = pixlee().in_pipeline("wp");
    assert_eq!(
        text(&settings, &scope, "key").as_deref(),
        Some("config of wp")
    );
}

#[test]
fn section_and_name_of_a_source_may_be_one() {
    let project = Project::new([(
        SECRETS,
        "[sources.pixlee_source]\nkey = 'compact'\n[sources]\nkey = 'all'",
    )]);
    let settings = project.settings([]);
    assert_eq!(
        text(&settings, &pixlee(), "key").as_deref(),
        Some("compact")
    );
    assert_eq!(
        text(&settings, &Scope::source("x", "y"), "key").as_deref(),
        Some("all")
    );
}

#[test]
fn a_fixed_section_is_never_dropped() {
    let settings = Project::new([(CONFIG, "log_level = 'DEBUG'")]).settings([]);
    assert_eq!(text(&settings, &Scope::fixed("runtime"), "log_level"), None);
}

#[test]
fn project_and_global_files_are_merged_key_by_key() {
    let project = Project::new([
        (CONFIG, "[a]\nx = 'project'"),
        (".dlt/config.toml", "[a]\nx = 'global'\ny = 'global'"),
    ]);
    let settings = project.settings([]);
    let found = |key: &str| settings.direct(key).unwrap().unwrap();
    assert_eq!(
        (found("a.x"), found("a.y")),
        (json!("project"), json!("global"))
    );
    let used = settings.used();
    assert!(used[1].location.ends_with(".dlt/config.toml"));
    assert_eq!(
        project.shown(&used[0].location),
        "<project>/.dlt/config.toml"
    );
    assert_eq!(project.shown(&used[1].location), "<home>/.dlt/config.toml");
}

#[test]
fn a_profile_comes_before_the_plain_files() {
    let files = [
        ("project/.dlt/.workspace", ""),
        (CONFIG, "a='base'\nb='base'"),
        ("project/.dlt/dev.config.toml", "b='dev'"),
        ("project/.dlt/prod.config.toml", "b='prod'\nc='prod'"),
        ("project/.dlt/prod.secrets.toml", "b='prod-secret'"),
    ];
    let project = Project::new(files);
    let values = |settings: &Settings| {
        ["a", "b", "c"].map(|key| settings.direct(key).unwrap().map(|value| value.to_string()))
    };
    let settings = project.settings([]);
    assert_eq!(
        values(&settings),
        [Some("\"base\"".into()), Some("\"dev\"".into()), None]
    );
    let settings = project.settings([("WORKSPACE__PROFILE", "prod")]);
    assert_eq!(
        values(&settings),
        ["\"base\"", "\"prod-secret\"", "\"prod\""].map(|v| Some(v.into()))
    );
    assert_eq!(
        project.shown(settings.places().local_dir.display()),
        "<project>/.dlt/data/prod"
    );
}

#[test]
fn a_workspace_can_move_its_directories() {
    let project = Project::new([
        ("project/.dlt/.workspace", ""),
        (
            CONFIG,
            "[workspace.settings]\nworking_dir = 'work'\nlocal_dir = 'local'",
        ),
    ]);
    let settings = project.settings([]);
    assert_eq!(
        project.shown(settings.places().data_dir.display()),
        "<project>/work"
    );
    let settings = project.settings([("DLT_LOCAL_DIR", "/elsewhere")]);
    assert_eq!(settings.places().local_dir, Path::new("/elsewhere"));
}

#[test]
fn a_secret_may_be_a_mounted_file() {
    let project = Project::new([("mounted/sources--pixlee--api-key", "from file\n")]);
    let request = PlacesRequest {
        project_dir: Some(project.0.path().join("project")),
        profile: None,
    };
    let environment = Environment::of(project.0.path(), [("SOURCES__PIXLEE__API_KEY", "variable")])
        .with_secrets_dir(&project.0.path().join("mounted"));
    let settings = Settings::load(&request, environment).unwrap();
    let secret = settings.secret(&pixlee(), "api_key").unwrap().unwrap();
    assert_eq!(secret.expose(), "from file\n");
    assert_eq!(
        text(&settings, &pixlee(), "api_key").as_deref(),
        Some("variable")
    );
}

#[test]
fn a_secret_in_config_toml_is_an_error() {
    let project = Project::new([(CONFIG, "[sources.s]\nsec = 'canary'")]);
    let error = project
        .settings([])
        .secret(&Scope::new(["sources", "s"]), "sec")
        .unwrap_err();
    insta::assert_snapshot!(error, @"Provider `config.toml` cannot hold secret values but key `sources.s.sec` with secret value is present");
}

#[test]
fn a_value_of_another_type_is_an_error_that_says_where_it_is() {
    let project = Project::new([(CONFIG, "[load]\nb2 = 'on'")]);
    let error = project
        .settings([])
        .bool(&Scope::new(["load"]), "b2")
        .unwrap_err();
    insta::assert_snapshot!(error, @"Configured value for field `b2` cannot be coerced into type `<class 'bool'>`");
    let ConfigError::Coercion {
        key,
        location,
        help,
        ..
    } = error
    else {
        panic!("{error}")
    };
    let place = (&*key, &*project.shown(location));
    assert_eq!(place, ("load.b2", "<project>/.dlt/config.toml"));
    assert_eq!(&*help, "yes, true, t, y, 1 or no, false, f, n, 0");
}

#[test]
fn a_torn_file_names_the_line_but_does_not_show_it() {
    let project = Project::new([(SECRETS, "[a]\nkey = canary-4711\n")]);
    let error = project.try_settings([]).unwrap_err();
    let shown = project.shown(&error);
    assert!(
        shown.starts_with("`<project>/.dlt/secrets.toml` line 2, column 7: "),
        "{shown}"
    );
    assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
}

#[test]
fn placeholders_of_dlt_warn_and_count() {
    let project = Project::new([(SECRETS, "[sources.pixlee]\napi_key = '<configure me>'")]);
    let settings = project.settings([]);
    settings.take_warnings();
    assert!(settings.secret(&pixlee(), "api_key").unwrap().is_some());
    settings.secret(&pixlee(), "api_key").unwrap();
    let warnings = settings.take_warnings();
    assert_eq!(warnings.len(), 1);
    insta::assert_snapshot!(project.shown(&warnings[0]), @r"
    `sources.pixlee.api_key` has the placeholder that `init` writes; put the value into secrets.toml
    	- <project>/.dlt/secrets.toml
    ");
}

#[test]
fn placeholders_of_tipple_are_not_filled_in() {
    let project = Project::new([(
        SECRETS,
        "[sources.pixlee]\napi_key = '<paste your Pixlee API key>'",
    )]);
    let error = project
        .settings([])
        .secret(&pixlee(), "api_key")
        .unwrap_err();
    insta::assert_snapshot!(project.shown(error), @"`sources.pixlee.api_key` still has the placeholder of `init` (in <project>/.dlt/secrets.toml)");
}

#[cfg(unix)]
#[test]
fn secrets_that_others_can_read_give_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new([(SECRETS, "a = 1")]);
    let path = project.0.path().join(SECRETS);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = project.settings([]).take_warnings();
    assert_eq!(warnings, [Warning::ReadableSecrets { path: path.clone() }]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(project.settings([]).take_warnings(), []);
}

#[test]
fn everything_missing_is_listed_with_every_place() {
    let project = Project::new([
        ("project/.dlt/.workspace", ""),
        (CONFIG, "x = 1"),
        ("project/.dlt/dev.config.toml", "x = 2"),
    ]);
    let spec = Spec::of_function("s")
        .field(Field::secret("api_key"))
        .field(Field::text("base_url"));
    let error =
        project
            .settings([("HOME", "x")])
            .resolve(&spec, &pixlee().in_pipeline("wp"), &Map::new());
    insta::assert_snapshot!("missing", project.shown(error.unwrap_err()));
}

fn postgres() -> Spec {
    let credentials = Spec::new("PostgresCredentials")
        .field(Field::text("database"))
        .field(Field::secret("password"))
        .field(Field::text("username"))
        .field(Field::text("host"))
        .field(Field::new("port", Kind::Int).default(5432))
        .field(Field::new("connect_timeout", Kind::Int).default(15))
        .credentials(|text| match ConnectionString::parse(text) {
            Ok(parsed) => Ok(parsed.fields()),
            Err(error) => Err(error.to_string()),
        });
    Spec::new("PostgresClientConfiguration")
        .field(Field::nested("credentials", credentials))
        .field(Field::new("create_indexes", Kind::Bool).default(true))
}

fn resolve_postgres(settings: &Settings) -> Result<Resolved, ConfigError> {
    settings.resolve(&postgres(), &Scope::destination("postgres"), &Map::new())
}

#[test]
fn a_configuration_inside_another_is_listed_below_it() {
    let project = Project::new([]);
    let variables = [
        ("DESTINATION__POSTGRES__CREDENTIALS__USERNAME", "u"),
        ("DESTINATION__POSTGRES__CREATE_INDEXES", "no"),
    ];
    let error = resolve_postgres(&project.settings(variables)).unwrap_err();
    let ConfigError::Missing(missing) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        missing.names(),
        [
            "credentials.database",
            "credentials.password",
            "credentials.host"
        ]
    );
    insta::assert_snapshot!("missing_nested", project.shown(&error));
}

#[test]
fn a_connection_string_gives_its_parts_and_the_rest_is_looked_for() {
    let project = Project::new([(
        SECRETS,
        "[destination.postgres]\ncredentials = 'postgresql://u@h/d?connect_timeout=3'",
    )]);
    let variables = [
        ("DESTINATION__POSTGRES__CREDENTIALS__PASSWORD", "canary"),
        ("DESTINATION__POSTGRES__CREDENTIALS__HOST", "other"),
    ];
    let resolved = resolve_postgres(&project.settings(variables)).unwrap();
    let credentials = resolved.nested("credentials").unwrap();
    // As dlt 1.31 does: what the string says wins over single fields.
    assert_eq!(credentials.text("host"), Some("h"));
    assert_eq!(credentials.int("connect_timeout"), Some(3));
    assert_eq!(credentials.int("port"), Some(5432));
    assert_eq!(credentials.secret("password").unwrap().expose(), "canary");
    assert_eq!(credentials.text("password"), None);
    assert!(!format!("{resolved:?}").contains("canary"));
    assert!(resolved.bool("create_indexes"));
}

#[test]
fn a_whole_configuration_may_be_json_text_or_a_table() {
    let project = Project::new([(
        SECRETS,
        "[destination.postgres.credentials]\nhost='t'\ndatabase='t'\nusername='t'\npassword='t'\nport='99'",
    )]);
    let resolved = resolve_postgres(&project.settings([])).unwrap();
    assert_eq!(
        resolved.nested("credentials").unwrap().int("port"),
        Some(99)
    );
    let text = r#"{"host":"j","database":"j","username":"j","password":"j"}"#;
    let resolved = resolve_postgres(&project.settings([("CREDENTIALS", text)])).unwrap();
    assert_eq!(
        resolved.nested("credentials").unwrap().text("host"),
        Some("j")
    );
}

#[test]
fn text_that_is_no_connection_string_is_not_repeated() {
    let project = Project::new([]);
    let error =
        resolve_postgres(&project.settings([("DESTINATION__CREDENTIALS", "canary")])).unwrap_err();
    insta::assert_snapshot!(error, @"the value of `DESTINATION__CREDENTIALS` for `PostgresCredentials` cannot be read: not a connection string (`driver://username:password@host:port/database`): `://` is missing (the value may be secret and is not shown)");
}

#[test]
fn explicit_values_win() {
    let settings = Project::new([]).settings([("SOURCES__LIMIT", "1")]);
    let spec = Spec::of_function("s").field(Field::new("limit", Kind::Int));
    let explicit = Map::from_iter([("limit".to_owned(), Value::from("7"))]);
    let resolved = settings.resolve(&spec, &pixlee(), &explicit).unwrap();
    assert_eq!(
        (resolved.name(), resolved.int("limit")),
        ("SConfiguration", Some(7))
    );
}

#[test]
fn an_explanation_shows_every_place_and_hides_secrets() {
    let project = Project::new([
        (SECRETS, "[sources]\napi_key = 'canary'"),
        (CONFIG, "page = 5"),
    ]);
    let settings = project.settings([("PAGE", "7")]);
    let explained = settings.explain(&pixlee(), "api_key", false);
    assert_eq!(explained.shown().as_deref(), Some("set (6 characters)"));
    assert!(!format!("{explained:?}").contains("canary"));
    let explained = settings.explain(&Scope::new(["sources"]), "page", false);
    assert_eq!(explained.shown().as_deref(), Some("\"7\""));
    let places: Vec<String> = explained
        .tried
        .iter()
        .enumerate()
        .map(|(index, place)| {
            let mark = if explained.winner == Some(index) {
                "wins"
            } else {
                ""
            };
            format!("{} {} {} {mark}", place.provider, place.key, place.is_found)
        })
        .collect();
    insta::assert_snapshot!(places.join("\n"), @r"
    Environment Variables SOURCES__PAGE false 
    Environment Variables PAGE true wins
    secrets.toml sources.page false 
    secrets.toml page false 
    config.toml sources.page false 
    config.toml page true 
    ");
    assert!(settings.used().is_empty());
}

#[test]
fn used_settings_are_listed_once_without_values() {
    let project = Project::new([(SECRETS, "[sources.pixlee]\napi_key = 'canary'")]);
    let settings = project.settings([]);
    settings.secret(&pixlee(), "api_key").unwrap();
    settings.secret(&pixlee(), "api_key").unwrap();
    let used = settings.used();
    assert_eq!(used.len(), 1);
    assert_eq!(
        (used[0].sections.join("."), used[0].is_secret),
        ("sources.pixlee".to_owned(), true)
    );
    assert!(!format!("{used:?} {settings:?}").contains("canary"));
}

#[test]
fn the_settings_of_a_run_have_dlts_defaults() {
    let settings = Project::new([]).settings([]);
    let run = RunSettings::read(&settings, "shop", Some("duckdb")).unwrap();
    insta::assert_debug_snapshot!("run_settings", run);
}

#[test]
fn the_settings_of_a_run_come_from_their_sections() {
    let project = Project::new([(
        CONFIG,
        "[runtime]\nmax_memory='2 GiB'\n[pipelines.shop]\ndataset_name='d'\n[shop.load]\nworkers=3\n\
         [schema]\nnaming='direct'\n[destination.duckdb]\nreplace_strategy='insert-from-staging'\n\
         [normalize.data_writer]\nfile_max_items=10",
    )]);
    let run = RunSettings::read(&project.settings([]), "shop", Some("duckdb")).unwrap();
    assert_eq!(run.runtime.memory_bytes_max, Some(2 << 30));
    assert_eq!(run.pipeline.dataset_name.as_deref(), Some("d"));
    assert_eq!(run.load.workers, 3);
    assert_eq!(run.schema.naming.as_deref(), Some("direct"));
    assert_eq!(
        run.destination.replace_strategy.as_deref(),
        Some("insert-from-staging")
    );
    assert_eq!(run.normalize.file_items_max, Some(10));
}

#[test]
fn settings_of_a_run_that_make_no_sense_are_refused() {
    let refused = |name: &'static str, value: &'static str| {
        let settings = Project::new([]).settings([(name, value)]);
        RunSettings::read(&settings, "shop", None)
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(refused("PIPELINES__SHOP__DATASET_NAME_LAYOUT", "x"), @"`dataset_name_layout` is `x` and must contain `%s` for the dataset name (`prefix_%s`)");
    insta::assert_snapshot!(refused("LOAD__WORKERS", "-1"), @"`workers` is -1, which is out of range");
    insta::assert_snapshot!(refused("RUNTIME__MAX_MEMORY", "lots"), @"`max_memory` is `lots`, not a number of bytes (`1073741824`, `1 GiB`, `500MB`)");
    insta::assert_snapshot!(refused("RUNTIME__REQUEST_TIMEOUT", "-5"), @"`request_timeout` is -5, not a number of seconds");
    insta::assert_snapshot!(refused("PIPELINES__SHOP__REFRESH", "all"), @"Configured value for field `refresh` cannot be coerced into type `typing.Literal['drop_sources', 'drop_resources', 'drop_data']`");
}
