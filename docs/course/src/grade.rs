//! Judges the files of a class: a folder for each student, a table with a row for each.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use crate::catalogue::{EXERCISES, Exercise};
use crate::verdict::{Kind, Verdict};
use crate::workshop::Workshop;

/// The verdicts on the files of one student.
pub struct Row {
    /// The name of its folder.
    pub student: String,
    /// The verdicts, in the order of the exercises.
    pub verdicts: Vec<Verdict>,
}

/// Judges every file below `class`, as many at a time as there are processors.
///
/// # Errors
/// The folder cannot be read, or has no folder in it.
pub fn grade(workshop: &Workshop, class: &Path) -> io::Result<Vec<Row>> {
    let mut students: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(class)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_hidden {
            students.push(path);
        }
    }
    students.sort();
    if students.is_empty() {
        return Err(io::Error::other(
            "it has no folders: there is one for each student, with the files of the exercises",
        ));
    }
    let work: Vec<(usize, &Exercise)> =
        (0..students.len()).flat_map(|at| EXERCISES.iter().map(move |exercise| (at, exercise))).collect();
    let (next, done) = (Mutex::new(work.iter()), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some((at, exercise)) = lock(&next).next() else { break };
                    let file = file(&students[*at], exercise);
                    let verdict = judged(workshop, exercise, &file);
                    lock(&done).push((*at, exercise.number(), verdict));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, number, _)| (*at, *number));
    let mut rows: Vec<Row> = students
        .iter()
        .map(|student| {
            let name = student.file_name().map(|name| name.to_string_lossy().into_owned());
            Row { student: name.unwrap_or_default(), verdicts: Vec::new() }
        })
        .collect();
    for (at, _, verdict) in done {
        rows[at].verdicts.push(verdict);
    }
    Ok(rows)
}

/// Compiles and judges one file.
pub fn judged(workshop: &Workshop, exercise: &Exercise, file: &Path) -> Verdict {
    match workshop.compile(exercise, &[file]) {
        Ok(program) => program.run(0),
        Err(verdict) => verdict,
    }
}

/// Returns the file of a student: in its folder, or in its copy of this project.
fn file(student: &Path, exercise: &Exercise) -> PathBuf {
    let file = student.join(exercise.file());
    let in_copy = student.join("docs/course/exercises").join(exercise.file());
    if !file.exists() && in_copy.exists() { in_copy } else { file }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // `next` and `push` do not panic half-way
}

/// Returns the mark of a verdict in the table.
fn mark(kind: Kind) -> &'static str {
    match kind {
        Kind::Passed => "ok",
        Kind::Failed => "wrong",
        Kind::Panicked => "panic",
        Kind::Hangs => "hangs",
        Kind::Ended => "ended",
        Kind::DoesNotCompile => "compile",
        Kind::Missing => "-",
    }
}

/// Returns the table: a row for each student, a column for each exercise.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.student.chars().count()).max().unwrap_or(0).max("student".len());
    let mut text = format!("{:width$}", "student");
    for exercise in &EXERCISES {
        let _ = write!(text, " {:>8}", exercise.number());
    }
    text += "  solved\n";
    for row in rows {
        let _ = write!(text, "{:width$}", row.student);
        for verdict in &row.verdicts {
            let _ = write!(text, " {:>8}", mark(verdict.kind));
        }
        let solved = row.verdicts.iter().filter(|verdict| verdict.is_passed()).count();
        let _ = writeln!(text, "  {solved:>2} of {}", EXERCISES.len());
    }
    text
}

/// Returns a line for each file, as comma separated values: student, exercise, verdict, sentence.
pub fn csv(rows: &[Row]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = "student,exercise,name,verdict,sentence\n".to_owned();
    for row in rows {
        for (exercise, verdict) in EXERCISES.iter().zip(&row.verdicts) {
            let (student, sentence) = (quoted(&row.student), quoted(&verdict.sentence));
            let _ = writeln!(
                text,
                "{student},{},{},{},{sentence}",
                exercise.number(),
                exercise.name,
                verdict.kind
            );
        }
    }
    text
}
