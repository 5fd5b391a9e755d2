//! The crawler's tests over real HTTP on loopback: forms agree, endings, another crawler's opinion, the command line.

mod agreement;
mod command_line;
mod endings;
mod lecture;
mod redirects;
mod robots;
mod signals;
mod site;
mod sizes;
mod wget;
