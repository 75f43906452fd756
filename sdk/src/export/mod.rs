//! What [`export_plugin!`](crate::export_plugin) expands to. Nothing here is called by hand.
#![allow(unsafe_code, reason = "makes the functions of the C boundary from safe traits")]

mod guard;
mod macros;
mod networks;
mod registration;
mod tables;
mod told;

pub use inventory;
pub use rl4seg_abi as abi;
pub use rl4seg_core::component::{LinkedPlugin, Registration};

pub use abi_stable::library::LibHeader;
pub use guard::{guard, hand_over};
pub use networks::{differentiable_network, network_architecture};
pub use registration::{
    register_corrector, register_data_source, register_differentiable_network, register_distortion_generator,
    register_modality, register_network_architecture, register_validity_metric,
};
pub use tables::{corrector, data_source, distortion_generator, validity_metric};
pub use told::{Settings, settings, tell_modality, tell_settings};

/// What a plugin says it was made with.
pub const SDK: &str = concat!("rl4seg-sdk ", env!("CARGO_PKG_VERSION"));

/// A plugin's name: that of its crate without `rl4seg-` in front.
#[must_use]
pub const fn plugin_name(package: &'static str) -> &'static str {
    let [b'r', b'l', b'4', b's', b'e', b'g', b'-', name @ ..] = package.as_bytes() else { return package };
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => package,
    }
}

#[cfg(test)]
mod tests {
    use super::plugin_name;

    #[test]
    fn a_plugin_is_named_after_its_crate() {
        assert_eq!(plugin_name("rl4seg-echo"), "echo");
        assert_eq!(plugin_name("lung-metrics"), "lung-metrics");
    }
}
