//! Clients and servers that do what they like.
