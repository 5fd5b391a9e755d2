//! The nearest of some names, for one that is not there.

/// The least likeness, from 0 to 1, of a name that is proposed.
const LIKE: f64 = 0.7;

/// Returns the name that is most like the one that was given, if one is like it.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = given.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&lower, &name.to_lowercase());
    let likely = names.into_iter().map(|name| (likeness(name), name)).filter(|(like, _)| *like >= LIKE);
    likely.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Returns `; did you mean `get`?` if a name is like the one that was given, else `; there are ..`.
pub(crate) fn advice(given: &str, names: &[&str]) -> String {
    /// More names than this are counted: a message is to be read at once.
    const MOST_LISTED: usize = 24;
    if let Some(name) = nearest(given, names.iter().copied()) {
        return format!("; did you mean `{name}`?");
    }
    if names.is_empty() {
        return "; there are none".to_owned();
    }
    let listed: Vec<String> = names.iter().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST_LISTED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let are = if names.len() == 1 { "is" } else { "are" };
    format!("; there {are} {}{rest}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_gets_one_proposal_and_others_get_the_list() {
        assert_eq!(advice("gett", &["get", "put"]), "; did you mean `get`?");
        assert_eq!(advice("Append", &["append", "put"]), "; did you mean `append`?");
        assert_eq!(advice("zzz", &["get", "put"]), "; there are `get`, `put`");
        assert_eq!(advice("zzz", &[]), "; there are none");
    }
}
