//! What can be measured on label maps and on the maps that networks put beside them.

pub mod calibration;
