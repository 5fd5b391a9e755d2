//! The programs of the user's guide: the service of its pages, and one module of tests for each page.

pub mod jobs;

#[cfg(test)]
mod async_code;
#[cfg(test)]
mod by_name;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod first_service;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod running;
#[cfg(test)]
mod services;
#[cfg(test)]
mod testing;
