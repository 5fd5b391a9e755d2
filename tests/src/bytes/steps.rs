//! The loop of the targets whose input is a list of steps.

use super::input::Input;

/// The steps of one input at most: an input is short, and its steps are shorter.
const STEPS: usize = 96;

/// A machine that is driven by the steps of an input.
pub(super) trait Steps<'a> {
    /// Returns the input, as far as it has not been read.
    fn input(&mut self) -> &mut Input<'a>;

    /// Reads a step from the input, and does it.
    fn step(&mut self);

    /// Does what a driver does after each step, and checks the rules.
    fn check(&mut self);

    /// Brings the machine to its end, and checks that nothing is left.
    fn end(self);

    /// Does all steps of the input, with the checks after each.
    fn run(mut self)
    where
        Self: Sized,
    {
        for _ in 0..STEPS {
            if self.input().is_empty() {
                break;
            }
            self.step();
            self.check();
        }
        self.end();
    }
}
