//! Runs one program and says what it cost: wall time, CPU time, peak memory, perhaps under a hard memory limit.
//!
//! The figures are those of the system for ended children, which is why this is a process of its own: it has one child.
//! The limit is a control group, so that it holds for resident memory with everything the program starts, and the
//! program is killed when it passes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

use crate::failure::Failure;

/// What a run cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Seconds from start to end.
    pub wall: f64,
    /// Seconds of CPU, user and system, of all its threads and children.
    pub cpu: f64,
    /// Largest resident size in bytes.
    pub peak: u64,
}

/// `cargo xtask measure OUT [--memory BYTES] -- PROGRAM ARGS…`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let usage =
        || Failure::Other("usage: measure OUT [--memory BYTES] -- PROGRAM ARGS…".to_owned());
    let split = arguments
        .iter()
        .position(|word| word == "--")
        .ok_or_else(usage)?;
    let (options, command) = (&arguments[..split], &arguments[split + 1..]);
    let (out, memory) = match options {
        [out] => (out, None),
        [out, flag, bytes] if flag == "--memory" => {
            (out, Some(bytes.parse().map_err(|_| usage())?))
        }
        _ => return Err(usage()),
    };
    let (program, words) = command.split_first().ok_or_else(usage)?;
    let limit = memory.map(Limit::enter).transpose()?;
    let start = Instant::now();
    let status = Command::new(program)
        .args(words)
        .status()
        .map_err(|cause| Failure::NotStarted {
            program: program.clone(),
            cause,
        })?;
    let wall = start.elapsed().as_secs_f64();
    drop(limit);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|cause| Failure::Other(format!("the system gives no usage: {cause}")))?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let cost = json!({
        "wall": wall,
        "cpu": cpu as f64 / 1e6,
        "peak": usage.max_rss() * 1024,
        "status": status.code().unwrap_or(-1),
    });
    fs::write(out, cost.to_string()).map_err(Failure::file("write", Path::new(out)))
}

/// Measures a program in a process of its own. Its output goes to `log`.
///
/// # Errors
/// When it cannot be started, ends with an error, or is killed at the limit.
pub fn measure(command: &Command, memory: Option<u64>, log: &Path) -> Result<Cost, Failure> {
    let own = std::env::current_exe().map_err(|cause| Failure::Other(cause.to_string()))?;
    let out = log.with_extension("cost");
    let log_file = fs::File::create(log).map_err(Failure::file("create", log))?;
    let error_file = log_file.try_clone().map_err(Failure::file("open", log))?;
    let mut helper = Command::new(own);
    helper.arg("measure").arg(&out);
    if let Some(bytes) = memory {
        helper.args(["--memory", &bytes.to_string()]);
    }
    helper
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            helper.env(key, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        helper.current_dir(folder);
    }
    helper
        .stdin(Stdio::null())
        .stdout(log_file)
        .stderr(error_file);
    crate::toolbox::run(&mut helper).map_err(|failure| with_log(failure, log))?;
    read_cost(&out).and_then(|(cost, status)| match status {
        0 => Ok(cost),
        status => {
            let words = format!("{:?} ended with {status}", command.get_program());
            Err(with_log(Failure::Other(words), log))
        }
    })
}

fn with_log(failure: Failure, log: &Path) -> Failure {
    let text = fs::read_to_string(log).unwrap_or_default();
    let tail: Vec<&str> = text.lines().rev().take(20).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Failure::Other(format!("{failure}\n{}", tail.join("\n")))
}

fn read_cost(out: &Path) -> Result<(Cost, i64), Failure> {
    let text = fs::read_to_string(out).map_err(Failure::file("read", out))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|cause| Failure::Other(cause.to_string()))?;
    let number = |key: &str| value[key].as_f64().unwrap_or(0.0);
    let cost = Cost {
        wall: number("wall"),
        cpu: number("cpu"),
        peak: value["peak"].as_u64().unwrap_or(0),
    };
    Ok((cost, value["status"].as_i64().unwrap_or(-1)))
}

/// Membership of this process, and all it starts, in a control group with a limit.
struct Limit {
    group: PathBuf,
    parent_members: PathBuf,
}

impl Limit {
    /// Enters a new group below the one this process is in.
    fn enter(bytes: u64) -> Result<Limit, Failure> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let tried = candidates(&groups);
        for (parent, limit_file, members) in &tried {
            let group = parent.join(format!("tipple-{}", std::process::id()));
            if fs::create_dir(&group).is_err() {
                continue;
            }
            let entered = fs::write(group.join(limit_file), bytes.to_string())
                .and_then(|()| fs::write(group.join(members), std::process::id().to_string()));
            if entered.is_ok() {
                return Ok(Limit {
                    group,
                    parent_members: parent.join(members),
                });
            }
            // The group is empty; that it stays when it cannot be removed harms nobody.
            let _ = fs::remove_dir(&group);
        }
        Err(Failure::Other(
            "no control group for memory can be made here (root is needed), so the limit cannot be set".to_owned(),
        ))
    }
}

/// Folder, file of the limit and file of the members, for both versions of control groups.
fn candidates(groups: &str) -> Vec<(PathBuf, &'static str, &'static str)> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next(), parts.next());
        let path = path.unwrap_or("/").trim_start_matches('/');
        match controllers {
            Some("") => {
                for mount in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
                    found.push((Path::new(mount).join(path), "memory.max", "cgroup.procs"));
                }
            }
            Some(list) if list.split(',').any(|name| name == "memory") => {
                let folder = Path::new("/sys/fs/cgroup/memory").join(path);
                found.push((folder, "memory.limit_in_bytes", "cgroup.procs"));
            }
            _ => {}
        }
    }
    found
}

impl Drop for Limit {
    fn drop(&mut self) {
        // Nothing can be done about a group that stays: it is empty, and the next boot removes it.
        let _ = fs::write(&self.parent_members, std::process::id().to_string());
        let _ = fs::remove_dir(&self.group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_found() {
        let found = candidates("4:memory:/a/b\n3:cpu,cpuacct:/\n0::/x\n");
        let paths: Vec<String> = found
            .iter()
            .map(|(path, ..)| path.display().to_string())
            .collect();
        assert_eq!(
            paths,
            [
                "/sys/fs/cgroup/memory/a/b",
                "/sys/fs/cgroup/x",
                "/sys/fs/cgroup/unified/x",
            ]
        );
    }
}
