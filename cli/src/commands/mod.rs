//! The commands. One file, one command.

pub mod adapt;
pub mod bench;
pub mod check;
pub mod compare;
pub mod completions;
pub mod config;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod init;
pub mod man;
pub mod phantom;
pub mod plugins;
pub mod predict;
pub mod probe;
pub mod report;
pub mod reproduce;
pub mod status;
pub mod uncertainty;
pub mod verify;
