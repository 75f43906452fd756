//! Nothing: cargo wants a library or a program in every package, and these have an example.
