//! The programs of the user's guide: the service of its pages, and one module of tests for each page.

pub mod jobs;

#[cfg(test)]
mod appended_variants;
#[cfg(test)]
mod around_a_call;
#[cfg(test)]
mod async_code;
#[cfg(test)]
mod async_handlers;
#[cfg(test)]
mod by_name;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod changing_a_service;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod first_service;
#[cfg(test)]
mod giving_up;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod replies_later;
#[cfg(test)]
mod running;
#[cfg(test)]
mod services;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod types;
