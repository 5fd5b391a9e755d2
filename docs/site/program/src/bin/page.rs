//! The module of the page: answers the question in its arguments, and prints the answer.

use std::io::Read;

fn main() {
    let question: Vec<String> = std::env::args().skip(1).collect();
    let read = || {
        let mut text = String::new();
        let _ = std::io::stdin().read_to_string(&mut text); // an empty text is a question too
        text
    };
    println!("{}", rpc_site::ask::answer(&question, read));
}
