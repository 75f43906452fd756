//! The commands. One file, one command.

pub mod adapt;
pub mod bench;
pub mod check;
pub mod compare;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod init;
pub mod phantom;
pub mod plugins;
pub mod predict;
pub mod probe;
pub mod report;
pub mod status;
pub mod uncertainty;
