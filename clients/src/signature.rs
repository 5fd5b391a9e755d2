//! The names of the arguments of a signature: `key` and `value` of `fn put(key: &str, value: &str)`.

/// Returns the names of so many arguments. Those that the signature does not name are numbered.
pub(crate) fn argument_names(signature: &str, count: usize) -> Vec<String> {
    let arguments = signature.split_once('(').map_or("", |(_, arguments)| arguments);
    let mut names = Vec::new();
    let (mut depth, mut start, mut before) = (0usize, 0, ' ');
    for (at, c) in arguments.char_indices() {
        let is_end = c == ')' && depth == 0;
        if is_end || (c == ',' && depth == 0) {
            names.extend(name(&arguments[start..at]));
            start = at + 1;
        }
        match c {
            _ if is_end => break,
            '(' | '[' | '<' | '{' => depth += 1,
            '>' if before == '-' => {}
            ')' | ']' | '>' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = c;
    }
    if names.len() == count { names } else { (1..=count).map(|number| format!("argument{number}")).collect() }
}

/// Returns the name of `name: Type`.
fn name(argument: &str) -> Option<String> {
    let (name, _) = argument.split_once(':')?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::argument_names;

    #[test]
    fn the_names_of_arguments_are_found_beside_types_with_commas_and_arrows() {
        let names = |signature| argument_names(signature, 3).join(" ");
        assert_eq!(
            names("fn a(b: (u8, [u8; 2]), c: HashMap<u8, Vec<u8>>, d: &str) -> Result<u8, (u8, u8)>"),
            "b c d"
        );
        assert_eq!(names("fn a(b: fn(u8) -> u8, c: u8, d: u8)"), "b c d");
        assert_eq!(names("fn a(b: u8)"), "argument1 argument2 argument3");
        assert_eq!(argument_names("fn now() -> u64", 0), [String::new(); 0]);
    }
}
