use rl4seg_core::component::{Factory, Registration, Result, settings_schema};

use crate::{
    Component,
    component::{
        Corrector, DataSource, DifferentiableNetwork, DistortionGenerator, Modality, NetworkArchitecture,
        ValidityMetric,
    },
    definition::make,
};

macro_rules! register {
    ($name:ident, $kind:ident) => {
        /// What a program that links the plugin learns of the component.
        #[must_use]
        pub const fn $name<T: Component + $kind>(plugin: &'static str) -> Registration {
            fn boxed<T: Component + $kind>(config: &str) -> Result<Box<dyn $kind>> {
                Ok(Box::new(make::<T>(config)?))
            }
            let settings = Some(settings_schema::<T::Config> as fn() -> _);
            Registration { plugin, id: T::ID, doc: T::DOC, settings, factory: Factory::$kind(boxed::<T>) }
        }
    };
}

register!(register_data_source, DataSource);
register!(register_validity_metric, ValidityMetric);
register!(register_distortion_generator, DistortionGenerator);
register!(register_corrector, Corrector);
register!(register_network_architecture, NetworkArchitecture);
register!(register_differentiable_network, DifferentiableNetwork);

/// What a program that links the plugin learns of its modality.
#[must_use]
pub const fn register_modality(plugin: &'static str, modality: fn() -> Result<Modality>) -> Registration {
    Registration { plugin, id: plugin, doc: "", settings: None, factory: Factory::Modality(modality) }
}
