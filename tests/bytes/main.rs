//! The fuzz targets on the stable toolchain: their committed corpora again, and mutations of them from two seeds.

#[path = "../wire/page.rs"]
mod page;

mod conversations;
mod corpus;
mod found;
mod seeds;
mod twin;
