//! Layout of generated items, where the pretty-printer's is harder to read than it need be. Needs the feature `cli`.

/// Longest line that joining may make.
const WIDTH: usize = 120;

/// The same item, with an empty line between its members and each turbofish on one line.
pub(crate) fn tidied(item: &str) -> String {
    let mut text = String::new();
    let joined = with_turbofish_joined(item);
    let mut lines = joined.iter().peekable();
    while let Some(line) = lines.next() {
        text.push_str(line);
        text.push('\n');
        if lines.peek().is_some_and(|next| ends_member(line) && starts_member(next)) {
            text.push('\n');
        }
    }
    text
}

/// Whether a member of a trait or an `impl` ends here.
fn ends_member(line: &str) -> bool {
    line.starts_with("    ") && !line.starts_with("     ") && line.ends_with(['}', ';'])
}

/// Whether a member with documentation or attributes, or a function, starts here.
fn starts_member(line: &str) -> bool {
    ["    ///", "    #[", "    fn ", "    pub fn "].iter().any(|start| line.starts_with(start))
}

/// Joins what the pretty-printer spreads over lines: `call::<`, `Plain<u64>,`, `>(..`.
fn with_turbofish_joined(item: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in item.lines() {
        lines.push(line.to_owned());
        if !line.trim_start().starts_with(">(") {
            continue;
        }
        let Some(open) = lines.iter().rposition(|line| line.ends_with("::<")) else { continue };
        let joined = joined(&lines[open..]);
        if joined.len() <= WIDTH {
            lines.truncate(open);
            lines.push(joined);
        }
    }
    lines
}

/// `call::<`, `A,`, `B,`, `>(..` as one line.
fn joined(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let part = if text.is_empty() { line } else { line.trim_start() };
        if part.starts_with('>') && text.ends_with(',') {
            text.pop();
        } else if text.ends_with(',') {
            text.push(' ');
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turbofish_stays_on_one_line_and_members_stand_apart() {
        let printed = "\
impl A {
    fn a(&self) {
        self.call::<
                Fallible<u64, String>,
                Bytes,
            >(1)
    }
    fn b(&self) {}
}
";
        let expected = "\
impl A {
    fn a(&self) {
        self.call::<Fallible<u64, String>, Bytes>(1)
    }

    fn b(&self) {}
}
";
        assert_eq!(tidied(printed), expected);
    }
}
