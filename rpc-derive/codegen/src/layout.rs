//! Improves the layout of generated items where the pretty-printer's is hard to read. Needs the feature `cli`.

/// The longest line that joining may make: as long as the longest lines of this workspace.
const WIDTH: usize = 120;

/// Returns the same item with an empty line between its members, and with short calls joined to one line.
pub(crate) fn tidied(item: &str) -> String {
    let lines = with_calls_joined(item);
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        if line.contains("::types!(") {
            text.push_str(&line.replace("& ", "&").replace(" < ", "<").replace(" >", ">")); // what is in a macro is printed token by token
        } else {
            text.push_str(line);
        }
        text.push('\n');
        let next = lines.get(at + 1).map_or("", String::as_str);
        let after = lines.get(at + 2).map_or("", String::as_str);
        let continued = if line.trim_start().starts_with('.') { 4 } else { 0 }; // a chain of calls that ends here
        let is_beside = indent(line) == indent(next) + continued;
        if ends_member(line) && starts_member(next) && is_beside && !together(line, after) {
            text.push('\n');
        }
    }
    text
}

/// Returns true if a member of a trait, an `impl` or the block may end here.
fn ends_member(line: &str) -> bool {
    matches!(indent(line), 4 | 8) && line.ends_with(['}', ';'])
}

/// Returns true if a member of a trait, an `impl` or the block starts here.
fn starts_member(line: &str) -> bool {
    ["///", "#[", "fn ", "pub fn ", "impl ", "impl<"].iter().any(|start| line.trim_start().starts_with(start))
}

/// Returns true for two constants in a row: one with a documentation between them.
fn together(line: &str, after: &str) -> bool {
    line.starts_with("    const ") && after.starts_with("    const ")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Joins what the pretty-printer spreads over several lines: a turbofish, a tuple of names, and a call that is followed
/// by a method call.
fn with_calls_joined(item: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = item.lines().peekable();
    while let Some(line) = rest.next() {
        lines.push(line.to_owned());
        let open = match line.trim_start() {
            end if end.starts_with(">(") => lines.iter().rposition(|line| line.ends_with("::<")),
            end if end.starts_with("): ") => lines.iter().rposition(|line| line.ends_with("let (")),
            ")" if rest.peek().is_some_and(|next| next.trim_start().starts_with('.')) => {
                lines.iter().rposition(|line| line.ends_with('('))
            }
            _ => None,
        };
        let Some(open) = open else { continue };
        let joined = joined(&lines[open..]);
        if joined.len() <= WIDTH {
            lines.truncate(open);
            lines.push(joined);
        }
    }
    lines
}

/// Returns `call::<`, `A,`, `B,`, `>(..` as one line.
fn joined(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let part = if text.is_empty() { line } else { line.trim_start() };
        if part.starts_with(['>', ')']) && text.ends_with(',') {
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
    fn a_call_stays_on_one_line_and_members_stand_apart() {
        let printed = "\
const _: () = {
    static A: [M; 1] = [
        M::new(
                \"a\",
                \"b\",
            )
            .slow()
            .types(stub::types!((& str, Vec < & [u8] >), u8)),
    ];
    static B: C = C::new()
        .with(&A);
    /// One.
    const ONE: usize = 0;
    /// Two.
    const TWO: usize = 1;
    impl A {
        fn a(&self) {
            self.call::<
                    Fallible<u64, String>,
                    Bytes,
                >(1)
        }
        fn b(&self) {
            let (
                a,
                b,
            ): (u8, u8) = c;
        }
    }
};
";
        let expected = "\
const _: () = {
    static A: [M; 1] = [
        M::new(\"a\", \"b\")
            .slow()
            .types(stub::types!((&str, Vec<&[u8]>), u8)),
    ];
    static B: C = C::new()
        .with(&A);

    /// One.
    const ONE: usize = 0;
    /// Two.
    const TWO: usize = 1;

    impl A {
        fn a(&self) {
            self.call::<Fallible<u64, String>, Bytes>(1)
        }

        fn b(&self) {
            let (a, b): (u8, u8) = c;
        }
    }
};
";
        assert_eq!(tidied(printed), expected);
    }
}
