//! Servers for tests and benchmarks: `cargo xtask lab up|down|env postgres`.
//!
//! The server lives below the cache folder, listens on a free port of this machine and on a socket in its own folder, and
//! is the same for all checkouts. It is for tests only: what it holds need not survive a power cut, so it does not wait
//! for the disk. Start with [`postgres`].

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::toolbox::{is_there, lab_folder, output, run as run_program};

/// User and database of the server, and its password: it can be reached from this machine only.
const NAME: &str = "tipple";

/// Users that the server may run as where this process is root, which Postgres refuses to be.
const SERVER_USERS: [&str; 2] = ["postgres", "nobody"];

/// Settings of the server.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_permissions=0700",
    "fsync=off",
    "full_page_writes=off",
    "max_wal_size=4GB",
    "shared_buffers=256MB",
    "ssl=on",
];

/// `cargo xtask lab up|down|env postgres`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let lab = Lab::new()?;
    match words.as_slice() {
        ["up", "postgres"] => lab.up().map(|server| server.print()),
        ["down", "postgres"] => lab.down(),
        ["env", "postgres"] => match lab.running() {
            Some(server) => {
                server.print();
                Ok(())
            }
            None => Err(Failure::Other(
                "the server does not run: cargo xtask lab up postgres".to_owned(),
            )),
        },
        _ => Err(Failure::Other("usage: lab up|down|env postgres".to_owned())),
    }
}

/// The server, installed and started if need be.
pub fn up() -> Result<Server, Failure> {
    Lab::new()?.up()
}

/// The server for tests, started if it does not run; nothing where PostgreSQL is not installed.
pub fn postgres() -> Result<Option<Server>, Failure> {
    match find_programs() {
        Some(_) => Lab::new()?.up().map(Some),
        None => Ok(None),
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// Address of the database.
    pub fn url(&self) -> String {
        format!("postgresql://{NAME}:{NAME}@localhost:{}/{NAME}", self.port)
    }

    /// A client at the database that ends with an error when a statement fails.
    pub fn psql(&self) -> Command {
        let programs = find_programs().unwrap_or_default();
        let mut command = Command::new(programs.join("psql"));
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]);
        command.arg(self.url());
        command
    }

    /// Variables for programs that use the server.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        let socket = self.folder.join("socket").display().to_string();
        let (port, authority) = (self.port, self.folder.join("ca.pem"));
        [
            ("TIPPLE_TEST_POSTGRES_URL", self.url()),
            (
                "TIPPLE_TEST_POSTGRES_SOCKET",
                format!("host={socket} port={port} user={NAME} dbname={NAME}"),
            ),
            ("TIPPLE_TEST_POSTGRES_CA", authority.display().to_string()),
        ]
    }

    fn print(&self) {
        for (name, value) in self.variables() {
            println!("export {name}='{value}'");
        }
    }
}

/// The folder of the server and what it takes to run programs as its user.
struct Lab {
    folder: PathBuf,
    /// User to change to; nothing unless this process is root.
    user: Option<String>,
}

impl Lab {
    fn new() -> Result<Self, Failure> {
        let folder = lab_folder()?.join("postgres");
        fs::create_dir_all(&folder).map_err(Failure::file("create", &folder))?;
        let folder = folder
            .canonicalize()
            .map_err(Failure::file("find", &folder))?;
        let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
        let user = is_root.then(server_user).transpose()?;
        Ok(Lab { folder, user })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program with the rights of the server. As root it also keeps the right to pass through folders of root, where
    /// the cache may be.
    fn program(&self, program: impl AsRef<Path>) -> Command {
        let Some(user) = &self.user else {
            return Command::new(program.as_ref());
        };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        command.args([
            "--inh-caps",
            "+dac_override",
            "--ambient-caps",
            "+dac_override",
        ]);
        command.arg(program.as_ref());
        command
    }

    /// The server, if it runs.
    fn running(&self) -> Option<Server> {
        let programs = find_programs()?;
        let mut status = self.program(programs.join("pg_ctl"));
        status.arg("status").arg("-D").arg(self.data());
        status.stdout(Stdio::null()).stderr(Stdio::null());
        if !status.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let lines = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        // The fourth line is the port.
        let port = lines.lines().nth(3)?.trim().parse().ok()?;
        let folder = self.folder.clone();
        Some(Server { folder, port })
    }

    fn up(&self) -> Result<Server, Failure> {
        let lock_path = self.folder.with_extension("lock");
        let lock = File::create(&lock_path).map_err(Failure::file("create", &lock_path))?;
        lock.lock().map_err(Failure::file("lock", &lock_path))?;
        if let Some(server) = self.running() {
            return Ok(server);
        }
        let programs = match find_programs() {
            Some(programs) => programs,
            None => install()?,
        };
        if !self.data().join("PG_VERSION").exists() {
            self.make_cluster(&programs)?;
        }
        self.start(&programs)?;
        self.running()
            .ok_or_else(|| self.failed("the server did not start"))
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::Other(format!("{what}; see {}", self.log().display()))
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn make_cluster(&self, programs: &Path) -> Result<(), Failure> {
        eprintln!("making a database cluster in {}", self.folder.display());
        self.own()?;
        let password = self.folder.join("password");
        fs::write(&password, NAME).map_err(Failure::file("write", &password))?;
        self.own()?;
        let mut command = self.program(programs.join("initdb"));
        command.arg("-D").arg(self.data()).args(["-U", NAME]);
        command.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
        command.args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
        command.arg("--pwfile").arg(&password).stdout(Stdio::null());
        run_program(&mut command)?;
        self.make_certificates()?;
        self.own()
    }

    /// Gives the folder to the user of the server.
    fn own(&self) -> Result<(), Failure> {
        match &self.user {
            Some(user) => run_program(Command::new("chown").arg("-R").arg(user).arg(&self.folder)),
            None => Ok(()),
        }
    }

    /// An authority, and a certificate of the server for `localhost`.
    fn make_certificates(&self) -> Result<(), Failure> {
        let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
                         -subj /CN=tipple-lab-ca -keyout ca.key -out ca.pem";
        let request = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
                       -keyout server.key -out server.csr";
        let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
                    -extfile server.ext -out server.pem";
        let extension = self.folder.join("server.ext");
        fs::write(&extension, "subjectAltName=DNS:localhost\n")
            .map_err(Failure::file("write", &extension))?;
        for arguments in [authority, request, sign] {
            let mut command = Command::new("openssl");
            command.args(arguments.split_whitespace());
            command.current_dir(&self.folder);
            run_program(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        }
        Ok(())
    }

    fn start(&self, programs: &Path) -> Result<(), Failure> {
        let port = free_port()?;
        let socket = self.folder.join("socket");
        fs::create_dir_all(&socket).map_err(Failure::file("create", &socket))?;
        self.own()?;
        let mut options = format!("-p {port} -k {}", socket.display());
        for setting in SETTINGS {
            options.push_str(&format!(" -c {setting}"));
        }
        for (setting, file) in [
            ("ssl_cert_file", "server.pem"),
            ("ssl_key_file", "server.key"),
        ] {
            let path = self.folder.join(file);
            options.push_str(&format!(" -c {setting}={}", path.display()));
        }
        let mut command = self.program(programs.join("pg_ctl"));
        command
            .args(["start", "-w", "-t", "60", "-D"])
            .arg(self.data());
        command.arg("-l").arg(self.log()).args(["-o", &options]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        run_program(&mut command).map_err(|_| self.failed("the server did not start"))?;
        self.make_database(programs, port)
    }

    fn make_database(&self, programs: &Path, port: u16) -> Result<(), Failure> {
        let psql = |sql: &str| {
            let mut command = self.program(programs.join("psql"));
            command.arg("-h").arg(self.folder.join("socket"));
            command.args(["-p", &port.to_string(), "-U", NAME, "-d", "postgres"]);
            command.args(["-qAtc", sql]);
            command
        };
        let is_made = format!("SELECT 1 FROM pg_database WHERE datname = '{NAME}'");
        if output(&mut psql(&is_made))?.trim() == "1" {
            return Ok(());
        }
        run_program(&mut psql(&format!("CREATE DATABASE {NAME}")))
    }

    fn down(&self) -> Result<(), Failure> {
        let Some(programs) = find_programs().filter(|_| self.running().is_some()) else {
            return Ok(());
        };
        let mut command = self.program(programs.join("pg_ctl"));
        command.args(["stop", "-m", "fast", "-D"]).arg(self.data());
        run_program(command.stdout(Stdio::null()))
    }
}

/// The user that the server runs as where this process is root.
fn server_user() -> Result<String, Failure> {
    let is_user = |user: &&&str| is_there("id", &["-u", user]);
    let found = SERVER_USERS.iter().find(is_user);
    let none = || Failure::Other("there is no user that the server could run as".to_owned());
    found.map(|user| (*user).to_owned()).ok_or_else(none)
}

/// Folder of `initdb` and `pg_ctl`: of the newest version where distributions put them, else on the path.
fn find_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok();
    let newest = versions
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| (version(&entry.path()), entry.path().join("bin")))
        .filter(|(_, programs)| programs.join("initdb").exists())
        .max();
    let on_path = || {
        let folders = env::var_os("PATH")?;
        env::split_paths(&folders).find(|folder| folder.join("initdb").exists())
    };
    newest.map(|(_, programs)| programs).or_else(on_path)
}

fn version(folder: &Path) -> u32 {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.parse().unwrap_or(0)
}

/// Installs PostgreSQL with the package manager of Debian.
fn install() -> Result<PathBuf, Failure> {
    if !is_there("apt-get", &["--version"]) {
        let what = "PostgreSQL is not installed: install its server with your package manager";
        return Err(Failure::Other(what.to_owned()));
    }
    eprintln!("installing postgresql");
    let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
    for arguments in [
        "update -qq",
        "install -y -qq --no-install-recommends postgresql openssl",
    ] {
        let mut words = arguments.split_whitespace();
        let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            command.arg("apt-get");
        }
        command.args(&mut words).stdout(Stdio::null());
        run_program(&mut command)?;
    }
    let missing = || Failure::Other("PostgreSQL cannot be found after its installation".to_owned());
    find_programs().ok_or_else(missing)
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0));
    let address = listener.and_then(|listener| listener.local_addr());
    let port = address.map(|address| address.port());
    port.map_err(|cause| Failure::Other(format!("there is no free port: {cause}")))
}
