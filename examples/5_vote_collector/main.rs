//! Lesson 5, the vote collector: ten voters, each a service in its own process, are asked at the same time. When enough
//! have said yes, the others are not waited for, and nothing of the questions to them is left. In every form of the lecture.

mod account;
mod arguments;
mod ballot;
mod booths;
mod electorate;
mod forms;
mod lessons;
mod lost_update;
mod measure;
mod poll;
mod report;
mod strike;
mod voter;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use rpc_examples::children::Children;
use rpc_examples::signals::end_on_signal;
use rpc_examples::status::{Failure, finish};

use crate::arguments::{Arguments, Form, Role, VoteOptions};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        Some(Role::Voter(options)) => voter::run(&options),
        None => vote(&arguments.vote),
    };
    finish("vote", result)
}

/// Holds the vote; whatever comes of it, the voters are ended.
fn vote(options: &VoteOptions) -> Result<(), Failure> {
    options.check()?;
    let children = Children::new();
    end_on_signal(children.clone())?;
    let result = match (options.all_forms, options.form) {
        (true, _) => report::all_forms(options, &children),
        (false, Form::Leak) => lessons::leak(options, &children),
        (false, Form::Racy) => lessons::racy(options, &children),
        (false, form) => report::one_form(options, form, &children),
    };
    children.wait_if_interrupted();
    result
}
