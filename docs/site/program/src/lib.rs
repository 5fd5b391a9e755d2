//! The program behind the page that shows a call: it plays a story, and says what there is to be seen after each click.
//!
//! ```text
//! a link --link--> Story --stage--> the production client, server and network, one click after the other
//!                                      '--shown, frames--> JSON --> the page
//! ```
//! A story is its link: a seed, the settings and the clicks. Nothing is kept between two questions: each plays the story from its
//! beginning, so going back is a question about fewer clicks. [`ask`] has the questions; [`lessons`] the stories that come with
//! the page.

pub mod ask;
pub mod frames;
pub mod lessons;
pub mod link;
pub mod service;
pub mod shown;
pub mod stage;
