//! Choices on the command line, as they are written there.

use clap::ValueEnum;

/// The name of a choice.
pub fn name_of(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
