//! The figures of each scenario as `docs/decisions/0011-exhaustive-search.md` has them, to be compared with a search.

use std::sync::LazyLock;

use super::scenarios::Scenario;
use super::search::{End, Outcome};

/// The page.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/decisions/0011-exhaustive-search.md");
    std::fs::read_to_string(page).unwrap_or_default() // without it each scenario has no row
});
/// The text on the page for a scenario that is not exhausted.
const NOT_EXHAUSTED: &str = "not exhausted";

/// Returns the row of the page's table for a search.
pub fn row(scenario: &Scenario, outcome: &Outcome) -> String {
    let figures = &outcome.figures;
    let end = match outcome.end {
        End::Exhausted if scenario.in_every_test => "every test",
        End::Exhausted => "by `prove`",
        End::Found => "A RULE IS BROKEN",
        End::States | End::Machines | End::Time => NOT_EXHAUSTED,
    };
    format!(
        "| `{}` | {} | {} | {} | {} | {end} |",
        scenario.name,
        scenario.what,
        grouped(figures.states),
        grouped(figures.transitions),
        figures.depth
    )
}

/// Returns what differs between a search that has seen everything and the page.
pub fn differs(scenario: &Scenario, outcome: &Outcome) -> Option<String> {
    if outcome.end != End::Exhausted {
        return None; // it was ended before it could be compared
    }
    let now = row(scenario, outcome);
    match row_of(scenario.name) {
        Some(row) if row == now => None,
        Some(row) => Some(format!("the figures have changed: the page has {row:?}, the search {now:?}")),
        None => Some(format!("the page has no row for it: {now:?}")),
    }
}

/// Returns the row that the page has for a scenario.
pub fn row_of(name: &str) -> Option<&'static str> {
    PAGE.lines().find(|line| line.starts_with(&format!("| `{name}` |")))
}

/// Returns the names of all scenarios on the page, in its order.
pub fn names() -> Vec<&'static str> {
    PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

/// Returns how many states the page gives a scenario; the most there can be if it is not exhausted.
pub fn states_of(name: &str) -> u64 {
    let row = row_of(name).filter(|row| !row.contains(NOT_EXHAUSTED));
    let Some(column) = row.and_then(|row| row.split('|').nth(3)) else { return u64::MAX };
    column.chars().filter_map(|c| c.to_digit(10)).fold(0, |states, digit| states * 10 + u64::from(digit))
}

/// Writes a number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
