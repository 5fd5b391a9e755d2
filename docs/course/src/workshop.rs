//! Compiles the files of readers as small programs beside the library, and runs them with a limit of time and memory.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::catalogue::Exercise;
use crate::judge::PATIENCE_VARIABLE;
use crate::verdict::{Kind, Verdict};

/// The longest time that the compiler may take: ten times what it takes on a slow machine.
const COMPILE: Duration = Duration::from_secs(60);
/// The longest time that a judged program may take. It notices by itself if a story does not end, and this is for all else.
const RUN: Duration = Duration::from_secs(40);
/// The memory that a judged program may ask for, in KiB: the address space of its threads, and a loop that fills a list ends here.
const MEMORY_KIB: u32 = 1 << 20;
/// The time between two looks at a program that runs.
const LOOK: Duration = Duration::from_millis(5);

/// The compiler, and the libraries that a reader's file is linked with.
pub struct Workshop {
    libraries: Vec<(&'static str, PathBuf)>,
    dependencies: PathBuf,
}

/// A program that judges one file or several.
pub struct Judged {
    folder: TempDir,
    program: PathBuf,
}

impl Workshop {
    /// Finds the libraries: cargo has built them for this program, and says where.
    ///
    /// # Errors
    /// Cargo does not run, or the library does not compile.
    pub fn open() -> io::Result<Self> {
        let here = env::current_exe()?;
        let folder = here.parent().filter(|folder| folder.ends_with("deps")).unwrap_or(&here).parent();
        let (Some(folder), Some(target)) = (folder, folder.and_then(Path::parent)) else {
            return Err(io::Error::other(
                "this program is not in the folder where cargo puts it: use `cargo run -p rpc-course`",
            ));
        };
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let output = Command::new(cargo)
            .args(["build", "--quiet", "--package", "rpc-course", "--lib", "--message-format", "json"])
            .args(["--profile", profile, "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot run cargo: {error}")))?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "cargo cannot build the course: {}",
                String::from_utf8_lossy(&output.stderr)
            )));
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let library = |name: &'static str| {
            let file = library(&messages, name);
            file.map(|file| (name, file))
                .ok_or_else(|| io::Error::other(format!("cargo does not say where `{name}` is")))
        };
        let libraries = vec![library("rpc_course")?, library("rpc_core")?];
        Ok(Workshop { libraries, dependencies: folder.join("deps") })
    }

    /// Compiles files into one program, which judges each as this exercise.
    ///
    /// # Errors
    /// A verdict: the compiler refuses a file, or there is none.
    pub fn compile(&self, exercise: &Exercise, files: &[&Path]) -> Result<Judged, Verdict> {
        if let Some(missing) = files.iter().find(|file| !file.is_file()) {
            return Err(Verdict::new(
                Kind::Missing,
                format!("there is no file {}", missing.display()),
                Vec::new(),
            ));
        }
        self.try_compile(exercise, files).unwrap_or_else(|error| {
            Err(Verdict::new(
                Kind::DoesNotCompile,
                format!("the compiler cannot be run: {error}"),
                Vec::new(),
            ))
        })
    }

    fn try_compile(&self, exercise: &Exercise, files: &[&Path]) -> io::Result<Result<Judged, Verdict>> {
        let folder = tempfile::tempdir()?;
        let (source, program) = (folder.path().join("main.rs"), folder.path().join("judged"));
        fs::write(&source, main_of(exercise, files)?)?;
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")));
        rustc.args([
            "--edition",
            "2024",
            "--crate-name",
            "judged",
            "--cap-lints",
            "allow",
            "--color",
            "never",
        ]);
        rustc.arg("-L").arg(prefixed("dependency=", &self.dependencies));
        for (name, file) in &self.libraries {
            rustc.arg("--extern").arg(prefixed(&format!("{name}="), file));
        }
        let said = folder.path().join("said");
        rustc.arg("-o").arg(&program).arg(&source).current_dir(env!("CARGO_MANIFEST_DIR"));
        rustc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said)?);
        let status = bounded(rustc.spawn()?, COMPILE)?;
        if status.is_some_and(|status| status.success()) {
            return Ok(Ok(Judged { folder, program }));
        }
        let text = String::from_utf8_lossy(&fs::read(&said)?).into_owned();
        let sentence = match status {
            Some(_) => "the compiler refuses the file".to_owned(),
            None => format!("the compiler does not end within {} s", COMPILE.as_secs()),
        };
        Ok(Err(Verdict::new(
            Kind::DoesNotCompile,
            sentence,
            text.trim_end().lines().map(str::to_owned).collect(),
        )))
    }
}

impl Judged {
    /// Returns the path of the program.
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// Judges the file with this index.
    pub fn run(&self, index: usize) -> Verdict {
        self.run_within(index, None)
    }

    /// Judges the file with this index. A story may take so many milliseconds, which tests of files that hang set.
    pub fn run_within(&self, index: usize, patience_ms: Option<u64>) -> Verdict {
        self.try_run(index, patience_ms).unwrap_or_else(|error| {
            Verdict::new(Kind::Ended, format!("the program cannot be run: {error}"), Vec::new())
        })
    }

    fn try_run(&self, index: usize, patience_ms: Option<u64>) -> io::Result<Verdict> {
        let (file, said) = (
            self.folder.path().join(format!("verdict{index}")),
            self.folder.path().join(format!("said{index}")),
        );
        let child = Command::new("sh")
            .args(["-c", "ulimit -v \"$0\" && ulimit -c 0 && exec \"$@\""])
            .arg(MEMORY_KIB.to_string())
            .arg(&self.program)
            .arg(&file)
            .arg(index.to_string())
            .env("MALLOC_ARENA_MAX", "1") // else the C library reserves 64 MiB for each thread
            .envs(patience_ms.map(|patience| (PATIENCE_VARIABLE, patience.to_string())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn()?;
        let status = bounded(child, RUN)?;
        if let Some(verdict) = fs::read_to_string(&file).ok().and_then(|text| Verdict::parse(&text)) {
            return Ok(verdict);
        }
        let Some(status) = status else {
            return Ok(Verdict::new(
                Kind::Hangs,
                format!("the program did not end within {} s", RUN.as_secs()),
                Vec::new(),
            ));
        };
        let said = String::from_utf8_lossy(&fs::read(&said)?).into_owned();
        let sentence = match said.as_str() {
            said if said.contains("memory allocation of") => {
                "the program asks for too much memory: something in it grows without end".to_owned()
            }
            said if said.contains("overflowed its stack") => {
                "a function calls itself without end: the stack is full".to_owned()
            }
            _ => format!("the program ended before it was judged: {status}"),
        };
        Ok(Verdict::new(Kind::Ended, sentence, said.lines().take(3).map(str::to_owned).collect()))
    }
}

/// Waits for a child, but not longer than this: then it is killed, and the status is `None`.
fn bounded(mut child: Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() > until => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            None => thread::sleep(LOOK),
        }
    }
}

/// Returns the source of a program that judges these files: its second argument chooses one.
fn main_of(exercise: &Exercise, files: &[&Path]) -> io::Result<String> {
    let (mut modules, mut arms) = (String::new(), String::new());
    for (index, file) in files.iter().enumerate() {
        let path = fs::canonicalize(file)?;
        modules += &format!("#[path = {:?}]\nmod file{index};\n", path.display().to_string());
        arms += &format!(
            "        Some(\"{index}\") => rpc_course::run::<rpc_course::{}::Course<file{index}::Mine>>(),\n",
            exercise.name
        );
    }
    Ok(format!(
        "{modules}\nfn main() {{\n    match std::env::args().nth(2).as_deref() {{\n{arms}        _ => std::process::exit(2),\n    }}\n}}\n"
    ))
}

fn prefixed(prefix: &str, path: &Path) -> OsString {
    let mut text = OsString::from(prefix);
    text.push(path);
    text
}

/// Finds the file of a library in the messages of cargo.
fn library(messages: &str, name: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut of_name = messages.filter(|message| {
        message["target"]["name"] == name || message["target"]["name"] == name.replace('_', "-")
    });
    of_name.find_map(|message| {
        let files = message["filenames"].as_array()?.iter().filter_map(|file| file.as_str());
        files.map(PathBuf::from).find(|file| file.extension().is_some_and(|extension| extension == "rlib"))
    })
}
