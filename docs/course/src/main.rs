//! The command line of the course: list, check, watch, hint, solution, grade.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

use rpc_course::catalogue::{self, EXERCISES, Exercise};
use rpc_course::grade;
use rpc_course::progress::{Progress, State};
use rpc_course::verdict::{Kind, Verdict};
use rpc_course::workshop::Workshop;

const HELP: &str = "\
Exercises that grade themselves: small holes in an RPC system, and a judge for each.

cargo run -p rpc-course -- list            the exercises, and which of them are solved
cargo run -p rpc-course -- check N         judges your file of exercise N
cargo run -p rpc-course -- watch [N]       judges it each time that you save it, and goes on to the next one
cargo run -p rpc-course -- hint N          a hint; each time one more
cargo run -p rpc-course -- solution N      a solution
cargo run -p rpc-course -- grade DIR [--csv]
                                           judges a class: DIR has a folder for each student

--dir DIR   your exercises are in DIR, and not in docs/course/exercises

The exit status is 0 if the exercise is solved, 1 if it is not, 2 if the command is wrong.
";

/// The time between two looks at a file that is watched.
const LOOK: Duration = Duration::from_millis(300);

/// The status of a command that is right and whose answer is no.
const NO: u8 = 1;
/// The status of a command that is wrong.
const USAGE: u8 = 2;

/// A command that cannot be done, in a sentence.
struct Wrong(String);

type Done = Result<ExitCode, Wrong>;

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Wrong(error.to_string())
    }
}

fn main() -> ExitCode {
    let mut words: Vec<String> = env::args().skip(1).collect();
    let result = folder(&mut words).and_then(|folder| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        command(&words, &Progress::of(&folder))
    });
    result.unwrap_or_else(|Wrong(text)| {
        eprintln!("rpc-course: {text}");
        ExitCode::from(USAGE)
    })
}

/// Takes `--dir DIR` out of the words of the command line.
fn folder(words: &mut Vec<String>) -> Result<PathBuf, Wrong> {
    let Some(at) = words.iter().position(|word| word == "--dir") else { return Ok(catalogue::folder()) };
    if at + 1 >= words.len() {
        return Err(Wrong("`--dir` is followed by the folder with your exercises".to_owned()));
    }
    let folder = PathBuf::from(words.remove(at + 1));
    words.remove(at);
    if !folder.is_dir() {
        return Err(Wrong(format!("there is no folder {}", folder.display())));
    }
    Ok(folder)
}

fn command(words: &[&str], progress: &Progress) -> Done {
    match words {
        ["list"] => list(progress),
        ["check", number] => check(&Workshop::open()?, exercise(number)?, progress),
        ["watch"] => watch(1, progress),
        ["watch", number] => watch(exercise(number)?.number(), progress),
        ["hint", number] => hint(exercise(number)?, progress),
        ["solution", number] => solution(exercise(number)?),
        ["grade", class] => grade_class(Path::new(class), false),
        ["grade", class, "--csv"] | ["grade", "--csv", class] => grade_class(Path::new(class), true),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        [] => Err(Wrong(format!("a command is missing\n\n{HELP}"))),
        [command @ ("check" | "hint" | "solution"), ..] => {
            Err(Wrong(format!("`{command}` takes the number of one exercise: `{command} 3`")))
        }
        ["grade", ..] => {
            Err(Wrong("`grade` takes one folder, which has a folder for each student".to_owned()))
        }
        ["list" | "watch", ..] => {
            Err(Wrong(format!("`{}` does not take these arguments: {}", words[0], words[1..].join(" "))))
        }
        [other, ..] => Err(Wrong(format!("there is no command `{other}`\n\n{HELP}"))),
    }
}

fn exercise(number: &str) -> Result<&'static Exercise, Wrong> {
    let found = number.parse().ok().and_then(Exercise::find);
    found.ok_or_else(|| {
        Wrong(format!("there is no exercise `{number}`: they have the numbers 1 to {}", EXERCISES.len()))
    })
}

fn list(progress: &Progress) -> Done {
    for exercise in &EXERCISES {
        let state = match progress.state(exercise) {
            State::Open => "",
            State::Solved => "solved",
            State::Changed => "changed",
        };
        println!("{:>3}  {state:<8} {}", exercise.number(), exercise.title);
    }
    match next(progress) {
        Some(exercise) => println!(
            "\nNext: write {}, then `check {}`.",
            progress.file(exercise).display(),
            exercise.number()
        ),
        None => println!("\nAll exercises are solved."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the first exercise that is not solved.
fn next(progress: &Progress) -> Option<&'static Exercise> {
    EXERCISES.iter().find(|exercise| progress.state(exercise) != State::Solved)
}

fn check(workshop: &Workshop, exercise: &'static Exercise, progress: &Progress) -> Done {
    let before = progress.state(exercise);
    let file = progress.file(exercise);
    let verdict = grade::judged(workshop, exercise, &file);
    if verdict.kind == Kind::Missing {
        return Err(Wrong(format!(
            "{}. `git checkout` brings the exercise back, or `--dir` names the folder that has it",
            verdict.sentence
        )));
    }
    show(exercise, &verdict);
    if !verdict.is_passed() {
        return Ok(ExitCode::from(NO));
    }
    if before == State::Solved {
        println!("It was solved before, and the file is the same.");
    }
    progress.passed(exercise).map_err(|error| {
        Wrong(format!("it passed, and that cannot be noted in {}: {error}", file.display()))
    })?;
    match next(progress) {
        Some(next) => {
            println!("Next: exercise {}, {}: {}", next.number(), next.title, progress.file(next).display())
        }
        None => println!("All exercises are solved."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a verdict.
fn show(exercise: &Exercise, verdict: &Verdict) {
    println!("Exercise {}, {}: {}.", exercise.number(), exercise.title, verdict.kind);
    match verdict.kind {
        Kind::Passed => println!("{}.", capitalised(&verdict.sentence)),
        Kind::DoesNotCompile => {
            println!("{}:\n\n{}", capitalised(&verdict.sentence), verdict.story.join("\n"))
        }
        _ => {
            if !verdict.story.is_empty() {
                let is_cut = verdict.kind == Kind::Hangs; // it did not end, so it could not be made shorter
                println!(
                    "\n{}",
                    if is_cut { "The story until then:" } else { "The shortest story that goes wrong:" }
                );
            }
            verdict.story.iter().enumerate().for_each(|(at, line)| println!("{:>4}. {line}", at + 1));
            println!("\n{}.", capitalised(&verdict.sentence));
            println!("`hint {}` gives a hint.", exercise.number());
        }
    }
}

/// Returns a sentence with a capital at its start. Names of functions stay as they are, since they stand between backticks.
fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn watch(from: usize, progress: &Progress) -> Done {
    let workshop = Workshop::open()?;
    for exercise in
        EXERCISES.iter().skip(from - 1).filter(|exercise| progress.state(exercise) != State::Solved)
    {
        let file = progress.file(exercise);
        println!("Watching {}: save it, and it is judged. Ctrl-C ends this.", file.display());
        let mut seen: Option<SystemTime> = None;
        loop {
            let now = fs::metadata(&file).and_then(|about| about.modified()).ok();
            // An editor may take the file away for a moment, to put another one in its place.
            let is_first = seen.is_none();
            if is_first || (now.is_some() && now != seen) {
                seen = now;
                let status = check(&workshop, exercise, progress)?;
                if status == ExitCode::SUCCESS {
                    break;
                }
                io::stdout().flush()?;
            }
            thread::sleep(LOOK);
        }
    }
    println!("There is nothing left to watch.");
    Ok(ExitCode::SUCCESS)
}

fn hint(exercise: &Exercise, progress: &Progress) -> Done {
    let count = progress.next_hint(exercise).map_err(|error| {
        Wrong(format!(
            "the count of hints cannot be kept beside {}: {error}",
            progress.file(exercise).display()
        ))
    })?;
    for (at, hint) in exercise.hints.iter().take(count).enumerate() {
        println!("Hint {} of {}: {hint}", at + 1, exercise.hints.len());
    }
    if count == exercise.hints.len() {
        println!("That was the last hint. `solution {}` prints a solution.", exercise.number());
    }
    Ok(ExitCode::SUCCESS)
}

fn solution(exercise: &Exercise) -> Done {
    print!("{}", fs::read_to_string(exercise.solution())?);
    Ok(ExitCode::SUCCESS)
}

fn grade_class(class: &Path, as_csv: bool) -> Done {
    let workshop = Workshop::open()?;
    let rows = grade::grade(&workshop, class)
        .map_err(|error| Wrong(format!("cannot grade {}: {error}", class.display())))?;
    print!("{}", if as_csv { grade::csv(&rows) } else { grade::table(&rows) });
    Ok(ExitCode::SUCCESS)
}
