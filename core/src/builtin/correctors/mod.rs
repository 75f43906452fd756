//! Right label maps from wrong ones.
