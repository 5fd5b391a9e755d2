//! The crawler's tests over real HTTP on loopback: the forms agree, the ends, a comparison with wget, the command line.

mod agreement;
mod command_line;
mod endings;
mod lecture;
mod redirects;
mod robots;
mod signals;
mod site;
mod sizes;
mod told;
mod wget;
