//! The mock server as a program: `mockapi --scenario load --rows 1000000`.

#![expect(clippy::print_stdout, reason = "the program says where it listens")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tipple_mockapi::{Faults, MockApi, Options, Scenario};

/// Mock server of Pixlee, api.video and a generic API, on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "mockapi")]
struct Args {
    /// TCP port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Data: small, fixtures or load.
    #[arg(long, default_value = "small", value_parser = scenario)]
    scenario: Scenario,
    /// Videos, and photos of the first album, of the scenario `load`.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Seed of generated ids.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// API key; `fixture-key` for the scenario `fixtures`, `mock-key` otherwise.
    #[arg(long)]
    key: Option<String>,
    /// API key of the admin API.
    #[arg(long, default_value = "mock-admin-key")]
    admin_key: String,
    /// Secret that signs requests.
    #[arg(long, default_value = "mock-secret")]
    secret: String,
    /// Folder with `pixlee` and `api-video`.
    #[arg(long, default_value = "fixtures")]
    fixtures: PathBuf,
    /// JSON file with rules for faults.
    #[arg(long)]
    faults: Option<PathBuf>,
    /// File to write the port to.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// Requests in one window; no limit when it is not given.
    #[arg(long)]
    rate_limit: Option<u32>,
    /// Length of the rate window in seconds.
    #[arg(long, default_value_t = 60)]
    window: u64,
    /// Lifetime of access tokens in seconds.
    #[arg(long, default_value_t = 3600)]
    token_ttl: u64,
    /// Milliseconds before every answer.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Numbers of Pixlee's envelope are numbers on every page.
    #[arg(long)]
    strict_types: bool,
    /// Pixlee answers identical URLs from a cache for 120 s.
    #[arg(long)]
    cdn: bool,
}

fn scenario(text: &str) -> Result<Scenario, String> {
    match text {
        "small" => Ok(Scenario::Small),
        "fixtures" => Ok(Scenario::Fixtures),
        "load" => Ok(Scenario::Load),
        other => Err(format!("`{other}` is none of small, fixtures, load")),
    }
}

impl Args {
    fn options(&self) -> Options {
        let default_key = match self.scenario {
            Scenario::Fixtures => "fixture-key",
            _ => "mock-key",
        };
        Options {
            port: self.port,
            scenario: self.scenario,
            rows: self.rows,
            seed: self.seed,
            key: self.key.clone().unwrap_or_else(|| default_key.to_owned()),
            admin_key: self.admin_key.clone(),
            secret: self.secret.clone(),
            fixtures: self.fixtures.clone(),
            rate_limit: self.rate_limit,
            window_s: self.window,
            token_ttl_s: self.token_ttl,
            latency_ms: self.latency_ms,
            strict_types: self.strict_types,
            cdn: self.cdn,
            ..Options::default()
        }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mockapi: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let api = MockApi::start(args.options())?;
    if let Some(path) = &args.faults {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let faults = Faults::parse(&text);
        api.set_faults(faults.map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let address = api.url().trim_start_matches("http://");
    if let Some(path) = &args.port_file {
        let port = address.rsplit(':').next().unwrap_or_default();
        std::fs::write(path, port)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    println!("listening {address}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(stopped())?;
    Ok(())
}

/// Waits for SIGINT or SIGTERM.
#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
