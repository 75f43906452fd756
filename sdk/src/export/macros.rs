/// Makes a plugin of the crate.
///
/// Every line is optional, in this order; the types implement [`Component`](crate::Component) and
/// the trait of their kind, the modality is a function without arguments that gives a `Result<Modality>`:
///
/// ```text
/// export_plugin! {
///     modality: modality;
///     data_sources: [Camus, Phantom];
///     validity_metrics: [Anatomy];
///     distortion_generators: [Shape];
///     correctors: [Prior];
///     network_architectures: [Layers];
///     differentiable_networks: [Function];
/// }
/// ```
///
/// Each component is exported twice: to programs that link the crate, through `inventory`; to
/// programs that load the library, through the symbol `rl4seg_plugin_v1__<crate>`, which hands over a
/// static [`Descriptor`](crate::export::abi::Descriptor) with one
/// [`Component`](crate::export::abi::Component) for each type. Beside it stands
/// `rl4seg_layout_v1__<crate>`, with which `abi_stable` compares the layout of the boundary's structs
/// when the library is loaded. Since both symbols carry the crate's name, any number of plugins can
/// be linked into one program.
#[macro_export]
macro_rules! export_plugin {
    (
        $(modality: $modality:path;)?
        $(data_sources: [$($source:ty),* $(,)?];)?
        $(validity_metrics: [$($metric:ty),* $(,)?];)?
        $(distortion_generators: [$($generator:ty),* $(,)?];)?
        $(correctors: [$($corrector:ty),* $(,)?];)?
        $(network_architectures: [$($architecture:ty),* $(,)?];)?
        $(differentiable_networks: [$($network:ty),* $(,)?];)?
    ) => {
        const _: () = {
            use $crate::export as rl4seg;

            const NAME: &str = rl4seg::plugin_name(env!("CARGO_PKG_NAME"));
            static COMPONENTS: &[rl4seg::abi::Component] = &[
                $($(rl4seg::data_source::<$source>(),)*)?
                $($(rl4seg::validity_metric::<$metric>(),)*)?
                $($(rl4seg::distortion_generator::<$generator>(),)*)?
                $($(rl4seg::corrector::<$corrector>(),)*)?
                $($(rl4seg::network_architecture::<$architecture>(),)*)?
                $($(rl4seg::differentiable_network::<$network>(),)*)?
            ];
            /// In the order of `COMPONENTS`.
            static SETTINGS: &[rl4seg::Settings] = &[
                $($(rl4seg::settings::<$source>,)*)?
                $($(rl4seg::settings::<$metric>,)*)?
                $($(rl4seg::settings::<$generator>,)*)?
                $($(rl4seg::settings::<$corrector>,)*)?
                $($(rl4seg::settings::<$architecture>,)*)?
                $($(rl4seg::settings::<$network>,)*)?
            ];
            unsafe extern "C" fn tell_settings(
                index: usize,
                items: *const rl4seg::abi::ItemSink,
                errors: *const rl4seg::abi::ErrorSink,
            ) -> rl4seg::abi::Status {
                unsafe { rl4seg::tell_settings(SETTINGS, index, items, errors) }
            }
            static DESCRIPTOR: rl4seg::abi::Descriptor = rl4seg::abi::Descriptor {
                magic: rl4seg::abi::MAGIC,
                abi_major: rl4seg::abi::ABI_MAJOR,
                abi_minor: rl4seg::abi::ABI_MINOR,
                size: ::std::mem::size_of::<rl4seg::abi::Descriptor>(),
                fingerprint: rl4seg::abi::FINGERPRINT,
                name: rl4seg::abi::Str::new(NAME),
                version: rl4seg::abi::Str::new(env!("CARGO_PKG_VERSION")),
                sdk: rl4seg::abi::Str::new(rl4seg::SDK),
                components: COMPONENTS.as_ptr(),
                component_count: COMPONENTS.len(),
                modality: $crate::__tell_modality!($($modality)?),
                settings: Some(tell_settings),
            };

            #[unsafe(export_name = concat!("rl4seg_plugin_v1__", env!("CARGO_CRATE_NAME")))]
            unsafe extern "C" fn entry(
                _host: *const rl4seg::abi::Host,
                out: *mut *const rl4seg::abi::Descriptor,
                errors: *const rl4seg::abi::ErrorSink,
            ) -> rl4seg::abi::Status {
                unsafe { rl4seg::hand_over(&DESCRIPTOR, out, errors) }
            }

            #[unsafe(export_name = concat!("rl4seg_layout_v1__", env!("CARGO_CRATE_NAME")))]
            static LAYOUT: rl4seg::LibHeader = rl4seg::abi::layout::header();

            rl4seg::inventory::submit! {
                rl4seg::LinkedPlugin { name: NAME, version: env!("CARGO_PKG_VERSION"), sdk: rl4seg::SDK }
            }
            $(rl4seg::inventory::submit! { rl4seg::register_modality(NAME, $modality) })?
            $($(rl4seg::inventory::submit! { rl4seg::register_data_source::<$source>(NAME) })*)?
            $($(rl4seg::inventory::submit! { rl4seg::register_validity_metric::<$metric>(NAME) })*)?
            $($(rl4seg::inventory::submit! { rl4seg::register_distortion_generator::<$generator>(NAME) })*)?
            $($(rl4seg::inventory::submit! { rl4seg::register_corrector::<$corrector>(NAME) })*)?
            $($(rl4seg::inventory::submit! { rl4seg::register_network_architecture::<$architecture>(NAME) })*)?
            $($(rl4seg::inventory::submit! { rl4seg::register_differentiable_network::<$network>(NAME) })*)?
        };
    };
}

/// The modality of a descriptor, if there is one.
#[doc(hidden)]
#[macro_export]
macro_rules! __tell_modality {
    () => {
        None
    };
    ($modality:path) => {{
        unsafe extern "C" fn tell(
            items: *const $crate::export::abi::ItemSink,
            errors: *const $crate::export::abi::ErrorSink,
        ) -> $crate::export::abi::Status {
            unsafe { $crate::export::tell_modality($modality, items, errors) }
        }
        Some(tell)
    }};
}
