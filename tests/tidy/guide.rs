//! Holds `docs/reading_guide.md` to what it promises: every file is named, each needs only what came before, and the
//! stated numbers of lines are right.

use std::collections::{BTreeMap, BTreeSet};

use crate::layers::{inline_depths, module_of};
use crate::source::{Broken, File, House, Token, blank, tokens};

const GUIDE: &str = "docs/reading_guide.md";
const SPINE: &str = "The spine";
const PATH: &str = "## The path of one call";
const AHEAD: &str = "Where a file refers ahead";
const TESTS_BESIDE: [&str; 3] = ["tests", "bench", "random"];
/// A stated number of lines may differ from the true one by this share, in percent: small changes need no edit.
const LINES_TOLERANCE: usize = 10;

/// A heading of the guide, and the source files that are first linked below it.
#[derive(Debug, Default)]
struct Part {
    line: usize,
    title: String,
    in_spine: bool,
    files: Vec<String>,
}

/// The parts of the guide in order, and the pairs of files of its table of references ahead, with their lines.
#[derive(Debug, Default)]
struct Guide {
    parts: Vec<Part>,
    ahead: Vec<(usize, String, String)>,
}

impl Guide {
    fn of(house: &House) -> Option<(&File, Guide)> {
        let page = house.pages.iter().find(|page| page.path == GUIDE)?;
        let (mut guide, mut seen) = (Guide::default(), BTreeSet::new());
        let (mut in_spine, mut in_table) = (false, false);
        for (index, line) in page.text.lines().enumerate() {
            if let Some(title) = line.strip_prefix("## ") {
                in_spine = title.starts_with(SPINE);
                in_table = title.starts_with(AHEAD);
            }
            if line.starts_with('#') {
                let title = line.trim_start_matches('#').trim().to_owned();
                guide.parts.push(Part { line: index + 1, title, in_spine, files: Vec::new() });
            }
            let links = source_links(line);
            match (&links[..], guide.parts.last_mut()) {
                ([from, to], _) if in_table => guide.ahead.push((index + 1, from.clone(), to.clone())),
                (_, Some(part)) => {
                    part.files.extend(links.into_iter().filter(|file| seen.insert(file.clone())))
                }
                _ => {}
            }
        }
        Some((page, guide))
    }

    fn spine(&self) -> Vec<&str> {
        let parts = self.parts.iter().filter(|part| part.in_spine);
        parts.flat_map(|part| part.files.iter().map(String::as_str)).collect()
    }
}

/// The Rust files that a line of a page in `docs` links to, from the workspace's root.
fn source_links(line: &str) -> Vec<String> {
    let targets = line.split("](../").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| target.ends_with(".rs")).map(str::to_owned).collect()
}

/// Files of the library, the simulator and the macro that neither the guide nor the first comment of their package names.
pub(crate) fn unnamed_files(house: &House) -> Vec<Broken> {
    let Some((_, guide)) = Guide::of(house) else { return Vec::new() };
    let named: BTreeSet<&str> = guide.parts.iter().flat_map(|part| &part.files).map(String::as_str).collect();
    let packages = [CORE, "rpc-sim/", "rpc-derive/"];
    let library = |file: &&File| packages.iter().any(|package| file.path.starts_with(package));
    let is_test = |file: &File| TESTS_BESIDE.contains(&file.stem()) || file.path.contains("/tests/");
    let files = house.rust.iter().filter(library).filter(|file| !is_test(file));
    files
        .filter(|file| !named.contains(file.path.as_str()) && !in_first_comment(house, file))
        .map(|file| {
            let what = format!("{GUIDE} does not name it, and neither does its package's first comment");
            file.broken(1, what, "give it its place in the guide")
        })
        .collect()
}

const CORE: &str = "rpc-core/src/";

/// Returns true if the `//!` comment of the file's package (`mod.rs` beside it, or the file named as its folder) names it.
fn in_first_comment(house: &House, file: &File) -> bool {
    let Some((folder, _)) = file.path.rsplit_once('/') else { return false };
    let packages = [format!("{folder}/mod.rs"), format!("{folder}.rs")];
    let package = house.rust.iter().find(|other| other.path != file.path && packages.contains(&other.path));
    let comment = |package: &File| {
        let lines = package.text.lines().take_while(|line| line.starts_with("//!"));
        lines.flat_map(|line| line.split('`').skip(1).step_by(2)).any(|name| name == file.stem())
    };
    package.is_some_and(comment)
}

/// Imports, by a file of the spine, of files that come later or not at all, unless the table of references ahead has them;
/// and rows of the table that are no longer true.
pub(crate) fn early_needs(house: &House) -> Vec<Broken> {
    let Some((page, guide)) = Guide::of(house) else { return Vec::new() };
    let modules = Modules::of(house);
    let spine = guide.spine();
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for (at, path) in spine.iter().enumerate() {
        let Some(file) = house.rust.iter().find(|file| file.path == *path) else { continue };
        for (line, needed) in modules.imports(file) {
            let known = spine.iter().take(at + 1).any(|before| *before == needed);
            let row = guide.ahead.iter().position(|(_, from, to)| from == path && *to == needed);
            if !known {
                used.extend(row);
            }
            if !known && row.is_none() {
                let what = format!("imports `{needed}`, which does not come before it in {GUIDE}");
                broken.push(file.broken(
                    line,
                    what,
                    "change the order, or say it in the table of references ahead",
                ));
            }
        }
    }
    for (index, (line, from, to)) in guide.ahead.iter().enumerate() {
        if !used.contains(&index) {
            let what = format!("`{from}` does not import `{to}`, or comes after it");
            broken.push(page.broken(*line, what, "take the row out"));
        }
    }
    broken
}

/// Headings whose number of lines is not that of the files below them; headings of the spine without a number.
pub(crate) fn wrong_lines(house: &House) -> Vec<Broken> {
    let Some((page, guide)) = Guide::of(house) else { return Vec::new() };
    let mut broken = Vec::new();
    for part in guide.parts.iter().filter(|part| !part.files.is_empty()) {
        let found = house.rust.iter().filter(|file| part.files.contains(&file.path)).map(lines_to_read);
        let found: usize = found.sum();
        match stated_lines(&part.title) {
            Some(stated) if stated.abs_diff(found) * 100 <= found * LINES_TOLERANCE => {}
            None if !part.in_spine => {}
            stated => {
                let what =
                    format!("the files below this heading have {found} lines, not {}", stated.unwrap_or(0));
                broken.push(page.broken(part.line, what, "write `.. lines` into the heading"));
            }
        }
    }
    broken
}

/// `1234` of `Bytes: 1,234 lines, 4 hours`.
fn stated_lines(title: &str) -> Option<usize> {
    let (before, _) = title.split_once(" lines")?;
    before.rsplit(' ').next()?.replace(',', "").parse().ok()
}

/// Lines that are not empty, without the unit tests at the end of the file.
fn lines_to_read(file: &File) -> usize {
    let lines = file
        .text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]") && !line.starts_with("mod tests {"));
    lines.filter(|line| !line.trim().is_empty()).count()
}

/// Functions that the table of the path names, and that none of the files in the same row has.
pub(crate) fn functions_off_the_path(house: &House) -> Vec<Broken> {
    let Some(page) = house.pages.iter().find(|page| page.path == GUIDE) else { return Vec::new() };
    let mut broken = Vec::new();
    let lines = page.text.lines().enumerate().skip_while(|(_, line)| !line.starts_with(PATH));
    let rows = lines.skip(1).take_while(|(_, line)| !line.starts_with('#'));
    for (index, row) in rows.filter(|(_, line)| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, _, functions, files, _] = cells[..] else { continue };
        let files: Vec<&File> = files.split(',').filter_map(|file| ending(house, file.trim())).collect();
        for name in functions.split('`').skip(1).step_by(2).filter_map(|name| name.rsplit("::").next()) {
            let declared = [format!("fn {name}("), format!("fn {name}<"), format!("struct {name}")];
            let is_keyword = name == "match"; // of the stub, which is generated
            if !is_keyword && !files.iter().any(|file| declared.iter().any(|text| file.text.contains(text))) {
                let what = format!("no file of this row has `{name}`");
                broken.push(page.broken(index + 1, what, "correct the function or the file"));
            }
        }
    }
    broken
}

fn ending<'a>(house: &'a House, path: &str) -> Option<&'a File> {
    house.rust.iter().find(|file| file.path == format!("{CORE}{path}"))
}

/// The modules of `rpc-core`: their files, and the names that each exports again.
struct Modules<'a> {
    files: BTreeMap<Vec<String>, &'a str>,
    exports: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
}

/// A `use`: its line, its path, and whether it exports the name again.
type Use = (usize, Vec<String>, bool);

impl<'a> Modules<'a> {
    fn of(house: &'a House) -> Self {
        let mut modules = Modules { files: BTreeMap::new(), exports: BTreeMap::new() };
        for file in &house.rust {
            let Some(module) = module_of(&file.path) else { continue };
            let module: Vec<String> = module.into_iter().map(str::to_owned).collect();
            let exports = modules.exports.entry(module.clone()).or_default();
            for (_, path, exported) in uses(file) {
                if let (true, Some(name)) = (exported, path.last()) {
                    exports.insert(name.clone(), absolute(&module, &path));
                }
            }
            modules.files.insert(module, &file.path);
        }
        modules
    }

    /// The files that a file imports from, with the lines. What it only exports again is not counted.
    fn imports(&self, file: &File) -> Vec<(usize, &'a str)> {
        let Some(module) = module_of(&file.path) else { return Vec::new() };
        let module: Vec<String> = module.into_iter().map(str::to_owned).collect();
        let inside = uses(file).into_iter().filter(|(_, path, exported)| {
            let first = path.first().map_or("", String::as_str);
            !exported && matches!(first, "crate" | "super" | "self")
        });
        let found =
            inside.filter_map(|(line, path, _)| Some((line, self.file_of(&absolute(&module, &path), 0)?)));
        found.filter(|(_, needed)| *needed != file.path).collect()
    }

    /// The file that a path from the crate's root leads to. Names that are exported again are followed.
    fn file_of(&self, path: &[String], followed: usize) -> Option<&'a str> {
        const MOST_FOLLOWED: usize = 5; // a circle of re-exports would not compile; this only ends the search
        let length = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let next = path.get(length).and_then(|name| self.exports.get(&path[..length])?.get(name));
        match next {
            Some(next) if followed < MOST_FOLLOWED => self.file_of(next, followed + 1),
            _ => self.files.get(&path[..length]).copied(),
        }
    }
}

/// A path of a `use` in `module`, from the crate's root.
fn absolute(module: &[String], path: &[String]) -> Vec<String> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let (base, rest) = match path.first().map(String::as_str) {
        Some("crate") => (0, &path[1..]),
        Some("self") => (module.len(), &path[1..]),
        _ => (module.len().saturating_sub(supers), &path[supers..]),
    };
    module[..base].iter().chain(rest).cloned().collect()
}

/// The `use` declarations of a file, those of its inline modules (tests) left out.
fn uses(file: &File) -> Vec<Use> {
    let code = blank(&file.text);
    let tokens = tokens(&code);
    let depths = inline_depths(&tokens);
    let mut uses = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].text == "use" && depths[*at] == 0) {
        let exported = at > 0 && matches!(tokens[at - 1].text, "pub" | ")");
        let mut paths = Vec::new();
        paths_of(&tokens, at + 1, Vec::new(), &mut paths);
        uses.extend(paths.into_iter().map(|path| (tokens[at].line, path, exported)));
    }
    uses
}

/// Collects the paths of one `use` tree that begins at `at`; returns the place behind it.
fn paths_of(tokens: &[Token<'_>], mut at: usize, mut path: Vec<String>, out: &mut Vec<Vec<String>>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = paths_of(tokens, at, path.clone(), out);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            "::" => {}
            "self" if !path.is_empty() => {} // `a::{self}` is `a`
            "as" => at += 1,
            "," | "}" | ";" => break,
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    out.push(path);
    at
}

#[cfg(test)]
fn planted(guide: &str) -> House {
    let mut house = House::with(GUIDE, guide);
    let files = [
        ("rpc-core/src/a.rs", "//! A.\npub struct A;\n"),
        ("rpc-core/src/b/mod.rs", "//! B: `inner` has it.\nmod inner;\npub use inner::Inner;\n"),
        ("rpc-core/src/b/inner.rs", "//! I.\nuse crate::a::A;\npub struct Inner;\n"),
        (
            "rpc-core/src/c.rs",
            "//! C.\nuse crate::{a, b::{self, Inner as I}};\n\nmod tests {\n    use crate::z;\n}\n",
        ),
    ];
    for (path, text) in files {
        house.rust.extend(House::with(path, text).rust);
    }
    house
}

#[cfg(test)]
fn page(first: &str, second: &str, table: &str) -> String {
    let link = |name: &str| format!("[x](../rpc-core/src/{name}.rs)");
    let links = |names: &str| names.split(' ').map(link).collect::<Vec<_>>().join(", ");
    format!(
        "## {SPINE}\n### One: 5 lines\n{}\n### Two: 5 lines\n{}\n## {AHEAD}\n{table}\n",
        links(first),
        links(second)
    )
}

#[test]
fn a_file_that_needs_a_later_one_is_found() {
    assert_eq!(early_needs(&planted(&page("a b/mod", "b/inner c", ""))), []);
    let found = early_needs(&planted(&page("a b/mod", "c b/inner", "")));
    assert_eq!(
        found.iter().map(|b| (b.file.as_str(), b.line)).collect::<Vec<_>>(),
        [("rpc-core/src/c.rs", 2)]
    );
    assert_eq!(early_needs(&planted(&page("b/inner", "c b/mod", ""))).len(), 3); // a is not there at all
}

#[test]
fn a_reference_ahead_is_allowed_by_its_row_and_a_stale_row_is_found() {
    let row = "| [c](../rpc-core/src/c.rs) | [i](../rpc-core/src/b/inner.rs) | why |";
    assert_eq!(early_needs(&planted(&page("a b/mod", "c b/inner", row))), []);
    assert_eq!(early_needs(&planted(&page("a b/mod", "b/inner c", row))).len(), 1);
}

#[test]
fn a_file_that_no_page_and_no_package_names_is_found() {
    assert_eq!(unnamed_files(&planted(&page("a b/mod", "c", ""))), []); // `inner` stands in the comment of b
    let found = unnamed_files(&planted(&page("b/mod", "c", "")));
    assert_eq!(found.iter().map(|b| b.file.as_str()).collect::<Vec<_>>(), ["rpc-core/src/a.rs"]);
}

#[test]
fn a_wrong_number_of_lines_is_found() {
    assert_eq!(wrong_lines(&planted(&page("a b/mod", "b/inner c", ""))), []);
    assert_eq!(wrong_lines(&planted(&page("a", "b/mod b/inner c", ""))).len(), 2);
}

#[test]
fn a_function_that_is_not_in_its_file_is_found() {
    let row = |function: &str| {
        format!("{PATH}\n\n| step | function | file |\n| 1 | `A::{function}` | c.rs, a.rs |\n## Next\n")
    };
    let mut house = planted(&row("go"));
    house.rust.extend(House::with("rpc-core/src/d.rs", "//! D.\nfn went() {}\n").rust);
    house.rust[0].text.push_str("fn go() {}\n");
    assert_eq!(functions_off_the_path(&house), []);
    house.pages = House::with(GUIDE, &row("went")).pages;
    assert_eq!(functions_off_the_path(&house).iter().map(|b| b.line).collect::<Vec<_>>(), [4]);
}
